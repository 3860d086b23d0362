// Records of many shapes, under paths that try the order of keys in the tree.
import { post } from './client.mjs'

const DATE = '2026-01-01T00:00:00.000Z'
const TEXTS = [
  'plain words',
  'Grüße aus Köln, señora — ça va?',
  '日本語のテキスト、そして漢字',
  'עברית و العربية',
  '👩‍👩‍👧‍👦 🇺🇦 e\u0301 \u0000 \u007f',
]
const CID = 'bafyreihyrpefhacm6kkp4ql6j6udakdit7g3dmkzfriqfykhjw6cad5lrm'

/** [path, record] of `count` posts and as much again of other things. */
export function manyRecords(did, count) {
  const records = [['app.bsky.actor.profile/self', { $type: 'app.bsky.actor.profile', displayName: TEXTS[2] }]]
  const add = (path, record) => records.push([path, { $type: path.split('/')[0], ...record }])
  for (let number = 0; number < count; number++) {
    const rkey = tid(number)
    const text = `${number}: ${TEXTS[number % TEXTS.length]}`
    add(`app.bsky.feed.post/${rkey}`, post(text, number % 3 ? {} : { langs: ['de', 'ja'] }))
    const subject = { uri: `at://${did}/app.bsky.feed.post/${rkey}`, cid: CID }
    if (number % 2 === 0) add(`app.bsky.feed.like/${rkey}`, { subject, createdAt: DATE })
    // 'post/' < 'postgate/', but 'note.deep/' < 'note/': the slash is between '.' and the letters
    if (number % 10 === 0) add(`app.bsky.feed.postgate/${rkey}`, { post: subject.uri, createdAt: DATE })
    if (number % 5 === 0) add(`com.example.note/key_${number}:~.-`, note(number))
    if (number % 5 === 1) add(`com.example.note.deep/${number}`, note(number))
  }
  return records
}

function note(number) {
  return {
    ' ': null,
    'ключ': [number, -number, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, true, []],
    aa: { b: {}, link: { $link: CID }, bytes: { $bytes: 'AAECAwT/' } },
    c: 'x'.repeat(number % 300),
  }
}

/** A record key in the form of a TID, ascending with `number`. */
function tid(number) {
  const digits = '234567abcdefghijklmnopqrstuvwxyz'
  let text = ''
  for (let rest = number * 7919; text.length < 5; rest = Math.floor(rest / 32)) text = digits[rest % 32] + text
  return `3jzfcijp${text}`
}

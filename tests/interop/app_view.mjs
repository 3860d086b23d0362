// What an app does all day, with the official client, through a server whose app view lags behind.
// app_view.mjs URL CONTROL SERVICES: a GET of CONTROL/<did> lets the app view read that member's repo; SERVICES is JSON.
import { randomBytes } from 'node:crypto'
import { AtpAgent, XRPCError } from '@atproto/api'
import { assert, run } from './client.mjs'

await run(async ([url, control, json]) => {
  const { appView, labeler, chat, feed, known, labelers } = JSON.parse(json)
  // The server names its public address; in a test it is reached at this one.
  const fetchHere = (request, options) => {
    const { pathname, search } = new URL(request.url ?? request)
    return fetch(new URL(pathname + search, url), request.url ? request : options)
  }
  const agent = new AtpAgent({ service: url, fetch: fetchHere })
  const name = `app-${randomBytes(3).toString('hex')}`
  await agent.createAccount({ handle: `${name}.test`, email: `${name}@mail.example.com`, password: 'a long password' })
  const did = agent.did

  let completed = 0
  /** The reply holds what the app view does not know, and says what a plain one would. */
  const isCompleted = ({ data, headers }) => {
    assert.equal(headers['atproto-content-labelers'], labelers)
    assert.match(headers['atproto-repo-rev'], /^[2-7a-z]{13}$/)
    assert(Number(headers['atproto-upstream-lag']) < 60_000, headers['atproto-upstream-lag'])
    completed += 1
    return data
  }
  const texts = (feed) => feed.map(({ post }) => post.record.text)

  await agent.post({ text: 'first' })
  await agent.upsertProfile(() => ({ displayName: 'Old' }))
  assert.equal((await fetch(`${control}/${did}`)).status, 200)

  // With nothing new, everything is as the app view says.
  const plain = await agent.getTimeline()
  assert.deepEqual(texts(plain.data.feed), ['old'])
  assert.equal(plain.headers['atproto-upstream-lag'], undefined)

  // What is written now is there at once.
  const mine = await agent.post({ text: 'mine' })
  const quote = { $type: 'app.bsky.embed.record', record: known }
  await agent.post({ text: 'quoting', embed: quote })
  const reply = await agent.post({ text: 'answer', reply: { root: known, parent: known } })
  await agent.upsertProfile((profile) => ({ ...profile, displayName: 'New', description: 'Hello' }))

  const timeline = isCompleted(await agent.getTimeline({ limit: 30 }))
  assert.deepEqual(texts(timeline.feed), ['answer', 'quoting', 'mine', 'old'])
  assert.equal(timeline.feed[1].post.embed.record.uri, known.uri)
  assert.equal(timeline.feed[0].post.author.displayName, 'New')
  const own = isCompleted(await agent.getAuthorFeed({ actor: did }))
  assert.deepEqual(texts(own.feed), ['answer', 'quoting', 'mine'])
  const profile = isCompleted(await agent.getProfile({ actor: did }))
  assert.deepEqual([profile.displayName, profile.description], ['New', 'Hello'])
  const { profiles } = isCompleted(await agent.getProfiles({ actors: [did] }))
  assert.equal(profiles[0].displayName, 'New')

  const { thread } = isCompleted(await agent.getPostThread({ uri: known.uri }))
  assert.equal(thread.replies[0].post.uri, reply.uri)
  const own_thread = isCompleted(await agent.getPostThread({ uri: mine.uri }))
  assert.equal(own_thread.thread.post.record.text, 'mine')
  const answered = isCompleted(await agent.getPostThread({ uri: reply.uri }))
  assert.equal(answered.thread.parent.post.uri, known.uri)
  const unknown = `at://${did}/app.bsky.feed.post/3jzfcijpj2z2a`
  await assert.rejects(agent.getPostThread({ uri: unknown }), (error) => {
    assert(error instanceof XRPCError)
    assert.deepEqual([error.status, error.error], [400, 'NotFound'])
    return true
  })

  // Feeds, chat, labels, reports and notifications go to whom they are for.
  const cats = await agent.app.bsky.feed.getFeed({ feed })
  assert.deepEqual(texts(cats.data.feed), ['cat'])
  const chats = agent.withProxy('bsky_chat', chat)
  assert.deepEqual((await chats.chat.bsky.convo.listConvos()).data.convos, [])
  const labels = agent.withProxy('atproto_labeler', labeler)
  assert.deepEqual((await labels.com.atproto.label.queryLabels({ uriPatterns: ['*'] })).data.labels, [])
  const report = { reasonType: 'com.atproto.moderation.defs#reasonSpam', subject: { $type: 'com.atproto.repo.strongRef', ...known } }
  assert.equal((await labels.createModerationReport(report)).data.id, 1)
  assert.equal((await agent.createModerationReport(report)).data.id, 1)
  await agent.app.bsky.notification.registerPush({ serviceDid: appView, token: 't', platform: 'web', appId: 'app.test' })
  assert.equal((await agent.app.bsky.video.getUploadLimits()).data.canUpload, true)
  return { completed }
})

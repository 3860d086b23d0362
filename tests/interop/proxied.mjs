// What an app asks of other services, with the official client through the server.
// proxied.mjs URL CHAT LABELER: the DIDs of a chat service and a labeler.
import { randomBytes } from 'node:crypto'
import { AtpAgent, XRPCError } from '@atproto/api'
import { assert, run } from './client.mjs'

await run(async ([url, chatDid, labelerDid]) => {
  const name = `npm-${randomBytes(3).toString('hex')}`
  // The server names its public address; in a test it is reached at this one.
  const fetchHere = (request, options) => {
    const { pathname, search } = new URL(request.url ?? request)
    return fetch(new URL(pathname + search, url), request.url ? request : options)
  }
  const agent = new AtpAgent({ service: url, fetch: fetchHere })
  await agent.createAccount({ handle: `${name}.test`, email: `${name}@mail.example.com`, password: 'a password' })
  const did = agent.did
  agent.configureLabelers([labelerDid])

  // The app view, by default and by name; both verbs.
  assert.deepEqual((await agent.getTimeline({ limit: 10 })).data.feed, [])
  assert.equal((await agent.getProfile({ actor: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz' })).data.handle, 'bob.example.com')
  const uri = 'at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3jzfcijpj2z2a'
  assert.equal((await agent.getPostThread({ uri })).data.thread.notFound, true)
  assert.deepEqual((await agent.app.bsky.feed.searchPosts({ q: 'a & b + ü', tag: ['x', 'y'] })).data.posts, [])
  assert.equal((await agent.countUnreadNotifications()).data.count, 3)
  await agent.updateSeenNotifications(new Date().toISOString())

  // An error of the app view keeps its name.
  const failure = await agent.app.bsky.graph.getList({ list: uri }).catch((error) => error)
  assert.ok(failure instanceof XRPCError, String(failure))
  assert.deepEqual([failure.status, failure.error, failure.message], [400, 'NotFound', 'List not found'])

  // Chat.
  const chat = agent.withProxy('bsky_chat', chatDid)
  assert.deepEqual((await chat.chat.bsky.convo.listConvos()).data.convos, [])
  const sent = await chat.chat.bsky.convo.sendMessage({ convoId: '3k', message: { text: 'ü' } })
  assert.equal(sent.data.text, 'ü')

  // A labeler: labels, and a report.
  const labeler = agent.withProxy('atproto_labeler', labelerDid)
  assert.deepEqual((await labeler.com.atproto.label.queryLabels({ uriPatterns: ['*'] })).data.labels, [])
  const report = await labeler.createModerationReport({
    reasonType: 'com.atproto.moderation.defs#reasonSpam',
    subject: { $type: 'com.atproto.admin.defs#repoRef', did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz' },
  })
  assert.equal(report.data.id, 7)

  // A token for a service that apps call themselves, such as one for videos.
  const service = await agent.com.atproto.server.getServiceAuth({ aud: chatDid, lxm: 'app.bsky.video.getUploadLimits' })
  assert.equal(service.data.token.split('.').length, 3)
  return { did }
})

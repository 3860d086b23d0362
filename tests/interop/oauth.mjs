// An app that signs a member in with @atproto/oauth-client-node, acts for her, refreshes and signs out.
// oauth.mjs URL HANDLE REDIRECT_URI: prints {"authorize": …} for the browser, then reads the address the
// browser was sent back to from its standard input, and goes on from there.
import readline from 'node:readline/promises'
import { Agent } from '@atproto/api'
import { NodeOAuthClient, requestLocalLock } from '@atproto/oauth-client-node'
import { assert, run } from './client.mjs'

const SCOPE = 'atproto repo:app.bsky.feed.post blob:image/* account:email rpc:app.bsky.feed.getTimeline?aud=*'
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

await run(async ([url, handle, redirectUri]) => {
  const states = memory()
  const sessions = memory()
  const requests = []
  const client = new NodeOAuthClient({
    clientMetadata: {
      client_id: `http://localhost?${new URLSearchParams({ redirect_uri: redirectUri, scope: SCOPE })}`,
      redirect_uris: [redirectUri],
      scope: SCOPE,
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      dpop_bound_access_tokens: true,
    },
    allowHttp: true,
    plcDirectoryUrl: url,
    handleResolver: url,
    stateStore: states,
    sessionStore: sessions,
    requestLock: requestLocalLock,
    fetch: (request, options) => {
      requests.push(new URL(request.url ?? request).pathname)
      return fetch(request, options)
    },
  })

  // From the handle to the page where the member decides.
  const authorize = await client.authorize(handle, { state: 'what the app was at' })
  console.log(JSON.stringify({ authorize: authorize.href }))
  const lines = readline.createInterface({ input: process.stdin })
  const [back] = await once(lines)
  lines.close()

  const { session, state } = await client.callback(new URL(back).searchParams)
  assert.equal(state, 'what the app was at')
  const info = await session.getTokenInfo(false)
  assert.equal(info.sub, session.did)
  const granted = info.scope.split(' ')
  const firstToken = (await sessions.get(session.did)).tokenSet.access_token

  // Act for the member.
  const agent = new Agent(session)
  const me = (await agent.com.atproto.server.getSession()).data
  assert.equal(me.handle, handle)
  const { data: uploaded } = await agent.uploadBlob(PNG, { encoding: 'image/png' })
  const record = {
    text: 'by an app',
    createdAt: new Date().toISOString(),
    embed: { $type: 'app.bsky.embed.images', images: [{ alt: '', image: uploaded.blob }] },
  }
  const { uri } = await agent.post(record)
  const found = await agent.com.atproto.repo.listRecords({ repo: session.did, collection: 'app.bsky.feed.post' })
  assert.equal(found.data.records[0].uri, uri)

  // Not what was not allowed.
  const like = { subject: { uri, cid: found.data.records[0].cid }, createdAt: new Date().toISOString() }
  await refused(403, () => agent.app.bsky.feed.like.create({ repo: session.did }, like))
  await refused(403, () => agent.com.atproto.identity.updateHandle({ handle: `other-${handle}` }))
  await refused(403, () => agent.com.atproto.server.createAppPassword({ name: 'mine' }))
  await refused(403, () => agent.uploadBlob(Buffer.from('words'), { encoding: 'text/plain' }))

  // Refresh, three times at once: the app's lock lets one through, and all can go on.
  const restored = await Promise.all([1, 2, 3].map(() => client.restore(session.did, true)))
  for (const one of restored) assert.equal((await new Agent(one).com.atproto.server.getSession()).data.did, session.did)
  const secondToken = (await sessions.get(session.did)).tokenSet.access_token
  assert.notEqual(secondToken, firstToken)
  await agent.post({ text: 'after a refresh', createdAt: new Date().toISOString() })

  // Sign out: nothing of it is good any more.
  const refreshes = requests.filter((path) => path === '/oauth/token').length
  await session.signOut()
  assert.equal(await sessions.get(session.did), undefined)
  const stale = await fetch(`${url}/xrpc/com.atproto.server.getSession`, {
    headers: { authorization: `DPoP ${secondToken}` },
  })
  assert.equal(stale.status, 401)
  await assert.rejects(() => agent.com.atproto.server.getSession())

  return { did: session.did, granted, email: me.email ?? null, tokenRequests: refreshes, requests: requests.length }
})

function memory() {
  const kept = new Map()
  return {
    set: async (key, value) => void kept.set(key, value),
    get: async (key) => kept.get(key),
    del: async (key) => void kept.delete(key),
  }
}

async function once(lines) {
  for await (const line of lines) return [line]
  throw new Error('nobody said where the browser was sent back to')
}

async function refused(status, call) {
  await assert.rejects(call, (error) => {
    assert.equal(error.status, status, error.message)
    return true
  })
}

// An account's life with the official client: @atproto/api does all that takes a one-time code or a password.
// accounts.mjs URL CODES DOMAIN INVITE: codes are asked for at CODES?purpose=…, handles are made below DOMAIN.
import { randomBytes } from 'node:crypto'
import { AtpAgent, XRPCError } from '@atproto/api'
import { assert, run } from './client.mjs'

let refusals = 0

await run(async ([url, codes, domain, inviteCode]) => {
  // The server names its public address; in a test it is reached at this one.
  const fetchHere = (request, options) => {
    const { pathname, search } = new URL(request.url ?? request)
    return fetch(new URL(pathname + search, url), request.url ? request : options)
  }
  const newAgent = () => new AtpAgent({ service: url, fetch: fetchHere })
  const codeFor = async (purpose) => {
    const reply = await fetch(`${codes}?purpose=${purpose}`)
    assert.equal(reply.status, 200, await reply.clone().text())
    return (await reply.text()).trim()
  }
  const logIn = async (identifier, password) => {
    const agent = newAgent()
    await agent.login({ identifier, password })
    return agent
  }
  const session = async (agent) => (await agent.com.atproto.server.getSession()).data

  const name = `npm-${randomBytes(3).toString('hex')}`
  const handle = `${name}${domain}`
  const email = `${name}@mail.example.com`

  // Sign-up.
  const agent = newAgent()
  await agent.createAccount({ handle, email, password: 'the first password', inviteCode: inviteCode || undefined })
  const did = agent.did
  assert.match(did, /^did:plc:[a-z2-7]{24}$/)
  assert.equal((await session(agent)).emailConfirmed, false)

  // Confirm the address; a code is good once.
  await agent.com.atproto.server.requestEmailConfirmation()
  const confirmation = await codeFor('confirm_email')
  await refused('InvalidToken', agent.com.atproto.server.confirmEmail({ email, token: 'AAAAA-AAAAA' }))
  await agent.com.atproto.server.confirmEmail({ email, token: confirmation })
  assert.equal((await session(agent)).emailConfirmed, true)
  await refused('InvalidToken', agent.com.atproto.server.confirmEmail({ email, token: confirmation }))

  // Change the address.
  const newEmail = `${name}@other.example.com`
  assert.equal((await agent.com.atproto.server.requestEmailUpdate()).data.tokenRequired, true)
  await refused('TokenRequired', agent.com.atproto.server.updateEmail({ email: newEmail }))
  await agent.com.atproto.server.updateEmail({ email: newEmail, token: await codeFor('update_email') })
  const changed = await session(agent)
  assert.deepEqual([changed.email, changed.emailConfirmed], [newEmail, false])

  // Forget the password, as somebody who is not logged in.
  const stranger = newAgent()
  await stranger.com.atproto.server.requestPasswordReset({ email: newEmail })
  const token = await codeFor('reset_password')
  await stranger.com.atproto.server.resetPassword({ token, password: 'the second password' })
  await refused('InvalidToken', stranger.com.atproto.server.resetPassword({ token, password: 'a third' }))
  await refused('AuthenticationRequired', logIn(handle, 'the first password'))
  await refused(undefined, agent.com.atproto.server.getSession(), 'the old session')
  const owner = await logIn(handle, 'the second password')

  // A program gets a password of its own, and may do less with it.
  const made = (await owner.com.atproto.server.createAppPassword({ name: 'reader' })).data
  const program = await logIn(handle, made.password)
  const post = { text: 'from a program', createdAt: new Date().toISOString() }
  const { uri } = await program.app.bsky.feed.post.create({ repo: did }, post)
  await refused(undefined, program.com.atproto.server.createAppPassword({ name: 'more' }))
  await refused(undefined, program.com.atproto.identity.updateHandle({ handle: `x${handle}` }))
  await refused(undefined, program.com.atproto.server.requestAccountDelete())
  const listed = (await owner.com.atproto.server.listAppPasswords()).data.passwords
  assert.deepEqual(listed.map(({ name }) => name), ['reader'])
  await owner.com.atproto.server.revokeAppPassword({ name: 'reader' })
  await refused(undefined, program.com.atproto.server.getSession(), 'a revoked password')
  await refused('AuthenticationRequired', logIn(handle, made.password))

  // Another handle.
  const newHandle = `new-${handle}`
  await owner.com.atproto.identity.updateHandle({ handle: newHandle })
  assert.equal((await owner.resolveHandle({ handle: newHandle })).data.did, did)
  await refused(undefined, owner.resolveHandle({ handle }), 'the old handle')
  assert.equal((await session(owner)).handle, newHandle)

  // The end.
  await owner.com.atproto.server.requestAccountDelete()
  const last = await codeFor('delete_account')
  const password = 'the second password'
  await refused('InvalidToken', owner.com.atproto.server.deleteAccount({ did, password, token: 'AAAAA-AAAAA' }))
  await owner.com.atproto.server.deleteAccount({ did, password, token: last })
  await refused('AuthenticationRequired', logIn(newHandle, password))
  await refused('RepoNotFound', owner.com.atproto.sync.getRepoStatus({ did }))
  return { did, uri, refusals }
})

/** The call fails, with the error `name` if one is given. */
async function refused(name, call, what = name) {
  const error = await call.then(
    () => assert.fail(`${what ?? 'a call'} was not refused`),
    (error) => error,
  )
  assert(error instanceof XRPCError, error)
  assert(error.status >= 400 && error.status < 500, `${error.status} ${error.message}`)
  if (name) assert.equal(error.error, name, error.message)
  refusals += 1
}

// A move with the official client, in the order in which tools in the browser make their calls.
// move.mjs OLD NEW DID PASSWORD HANDLE EMAIL CODE: the code of the old server is asked for at the address CODE.
import { AtpAgent } from '@atproto/api'
import { assert, run } from './client.mjs'

await run(async ([oldUrl, newUrl, did, password, handle, email, codeUrl]) => {
  const there = new AtpAgent({ service: oldUrl })
  await there.login({ identifier: did, password })
  const here = new AtpAgent({ service: newUrl })
  const described = await here.com.atproto.server.describeServer()
  const word = await there.com.atproto.server.getServiceAuth({
    aud: described.data.did,
    lxm: 'com.atproto.server.createAccount',
  })
  await here.com.atproto.server.createAccount(
    { did, handle, email, password },
    { headers: { authorization: `Bearer ${word.data.token}` }, encoding: 'application/json' },
  )
  await here.login({ identifier: handle, password })

  const repo = await there.com.atproto.sync.getRepo({ did })
  await here.com.atproto.repo.importRepo(repo.data, { encoding: 'application/vnd.ipld.car' })
  let blobs = 0
  let cursor
  do {
    const missing = await here.com.atproto.repo.listMissingBlobs({ cursor, limit: 2 })
    for (const { cid } of missing.data.blobs) {
      const blob = await there.com.atproto.sync.getBlob({ did, cid })
      await here.com.atproto.repo.uploadBlob(blob.data, { encoding: blob.headers['content-type'] })
      blobs += 1
    }
    cursor = missing.data.cursor
  } while (cursor)
  const preferences = await there.app.bsky.actor.getPreferences()
  await here.app.bsky.actor.putPreferences(preferences.data)
  const before = (await here.com.atproto.server.checkAccountStatus()).data
  assert.deepEqual([before.activated, before.validDid], [false, false])
  assert.equal(before.importedBlobs, before.expectedBlobs)

  await there.com.atproto.identity.requestPlcOperationSignature()
  const token = (await (await fetch(codeUrl)).text()).trim()
  const wanted = (await here.com.atproto.identity.getRecommendedDidCredentials()).data
  const signed = await there.com.atproto.identity.signPlcOperation({ token, ...wanted })
  await here.com.atproto.identity.submitPlcOperation({ operation: signed.data.operation })
  await here.com.atproto.server.activateAccount()
  await there.com.atproto.server.deactivateAccount({})

  const after = (await here.com.atproto.server.checkAccountStatus()).data
  assert.deepEqual([after.activated, after.validDid], [true, true])
  const left = (await there.com.atproto.server.checkAccountStatus()).data
  assert.equal(left.activated, false)
  return { blobs, records: after.indexedRecords, settings: after.privateStateValues }
})

// node firehose.mjs URL: lives two accounts' lives while @atproto/sync follows, then replays them.
import { Server, assert, inBatches, post, run } from './client.mjs'
import { follow } from './follow.mjs'
import { manyRecords } from './records.mjs'
import { assertSameRecords, makeIdResolver, verifyWhole } from './verification.mjs'

const POST = 'app.bsky.feed.post'

run(async ([url]) => {
  const server = new Server(url)
  const live = follow(url, url)
  const alice = await server.createAccount('alice')
  const bob = await server.createAccount('bob')
  await writeOneByOne(alice)
  await writeInBatches(alice)
  await leaveAndComeBack(alice)
  const restored = await restoreFromFile(alice)
  await uploadPicture(bob)
  const { rev } = (await alice.createRecord(POST, post('the last one'))).commit

  const seenLive = await live.stop(rev)
  const seenAgain = await follow(url, url).stop(rev)
  assert.deepEqual(seenAgain.told.slice(-seenLive.told.length), seenLive.told, 'told again, it is another story')
  for (const account of [alice, bob]) await checkState(account, seenLive, restored)
  checkLife(alice, seenLive.told)
  return { live: seenLive.counts, again: seenAgain.counts }
})

async function writeOneByOne(account) {
  const made = []
  for (let number = 0; number < 30; number++) made.push(await account.createRecord(POST, post(`${number} – ñ 字`)))
  const rkeys = made.map(({ uri }) => uri.split('/').at(-1))
  for (const rkey of rkeys.slice(0, 10)) {
    const record = post(`changed ${rkey}`)
    await account.call('com.atproto.repo.putRecord', { repo: account.did, collection: POST, rkey, record })
  }
  for (const rkey of rkeys.slice(5, 20)) {
    await account.call('com.atproto.repo.deleteRecord', { repo: account.did, collection: POST, rkey })
  }
}

/** Commits of 200 operations: creates alone, then creates, updates and deletes mixed. */
async function writeInBatches(account) {
  const records = manyRecords(account.did, 400)
  const batches = inBatches(records, 200)
  for (const batch of batches) await account.write(batch.map(([path, value]) => ['create', path, value]))
  const [first, second] = batches
  await account.write([
    ...first.slice(0, 50).map(([path]) => ['delete', path]),
    ...second.slice(0, 50).map(([path, value]) => ['update', path, { ...value, changed: 'ja' }]),
    ...Array.from({ length: 100 }, (_, at) => ['create', `com.example.more/${at}`, { $type: 'com.example.more', at }]),
  ])
  for (const batch of inBatches(first.slice(50), 100)) await account.write(batch.map(([path]) => ['delete', path]))
}

async function leaveAndComeBack(account) {
  await account.call('com.atproto.server.deactivateAccount', {})
  await assert.rejects(account.getRepo(), /RepoDeactivated/)
  await account.call('com.atproto.server.activateAccount')
  await account.createRecord(POST, post('back again'))
}

/** Import an older state of the repo over the present one; returns that state. */
async function restoreFromFile(account) {
  const car = await account.getRepo()
  const key = await makeIdResolver(account.server.url, account.server).did.resolveAtprotoKey(account.did)
  const state = await verifyWhole(car, account.did, key)
  for (let number = 0; number < 5; number++) await account.createRecord(POST, post(`to be undone ${number}`))
  await account.write([...state.records.keys()].slice(0, 30).map((path) => ['delete', path]))
  await account.call('com.atproto.repo.importRepo', car, 'application/vnd.ipld.car')
  const now = await verifyWhole(await account.getRepo(), account.did, key)
  assertSameRecords(now.records, state.records, 'records after the import')
  return state
}

async function uploadPicture(account) {
  const bytes = new Uint8Array(5000).map((_, at) => [0xff, 0xd8, 0xff, 0xe0][at] ?? at % 251)
  const { blob } = await account.call('com.atproto.repo.uploadBlob', bytes, 'image/jpeg')
  const images = [{ alt: 'nothing to see', image: blob }]
  await account.createRecord(POST, post('with a picture', { embed: { $type: 'app.bsky.embed.images', images } }))
  const got = await account.server.get('com.atproto.sync.getBlob', { did: account.did, cid: blob.ref.$link })
  assert.deepEqual(got, bytes)
}

/** What the stream told adds up to the repo as it is. */
async function checkState(account, seen, restored) {
  const key = await seen.idResolver.did.resolveAtprotoKey(account.did)
  const now = await verifyWhole(await account.getRepo(), account.did, key)
  const repo = seen.repo(account.did)
  assert.deepEqual([repo.rev, repo.active], [now.rev, true])
  const wasSynced = repo.records === undefined
  assert.equal(wasSynced, now.records.size > 100, 'only the first account is told to be fetched again')
  if (wasSynced) assert.equal(now.records.size, restored.records.size + 1)
  else assertSameRecords(repo.records, now.records, 'records by the stream')
}

/** Coming, being away, coming back and the import are told once each, in this order. */
function checkLife({ did, handle }, told) {
  const mine = told.map((line) => line.split(' ').slice(1)).filter(([, of]) => of === did)
  const notable = mine.filter(([kind]) => ['identity', 'account', 'sync'].includes(kind))
  const turns = notable.map(([kind, , ...rest]) => (kind === 'sync' ? kind : `${kind} ${rest.join(' ')}`))
  assert.deepEqual(turns, [
    `identity ${handle}`,
    'account true undefined',
    'sync',
    'account false deactivated',
    'account true undefined',
    `identity ${handle}`,
    'sync',
    'sync',
  ])
}

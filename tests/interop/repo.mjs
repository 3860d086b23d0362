// node repo.mjs URL: what sync.getRepo and sync.getRecord give is verified by @atproto/repo.
import { Secp256k1Keypair } from '@atproto/crypto'
import {
  MemoryBlockstore,
  Repo,
  RepoVerificationError,
  cborToLexRecord,
  verifyDiffCar,
  verifyProofs,
  verifyRecords,
} from '@atproto/repo'
import { Server, assert, inBatches, post, run } from './client.mjs'
import { manyRecords } from './records.mjs'
import { assertSameRecords, makeIdResolver, pathsOf, rebuiltRoot, verifyWhole } from './verification.mjs'

const POSTS = 1000
const BATCH = 200

run(async ([url]) => {
  const server = new Server(url)
  const account = await server.createAccount('reader')
  const key = await makeIdResolver(url, server).did.resolveAtprotoKey(account.did)

  const expected = await fill(account)
  const whole = await checkWhole(account, key, expected)
  await checkRefusals(account, key)
  const changes = await checkDiff(account, key, expected, whole)
  const { records } = await verifyWhole(await account.getRepo(), account.did, key)
  assertSameRecords(records, expected, 'records after the changes')
  const proofs = await checkProofs(account, key, records)
  return { records: whole.records.size, blocks: whole.blocks.size, carBytes: whole.bytes, changes, proofs }
})

/** Creates, updates and deletes; returns the map of path to CID that must be the result. */
async function fill(account) {
  const records = manyRecords(account.did, POSTS)
  const expected = new Map()
  const apply = async (writes) => {
    const [, cids] = await account.write(writes)
    writes.forEach(([action, path], at) =>
      action === 'delete' ? expected.delete(path) : expected.set(path, cids[at]),
    )
  }
  for (const batch of inBatches(records, BATCH)) await apply(batch.map(([path, value]) => ['create', path, value]))
  const posts = records.filter(([path]) => path.startsWith('app.bsky.feed.post/'))
  await apply(posts.slice(0, 100).map(([path], at) => ['update', path, post(`changed ${at} ✎`)]))
  await apply(records.filter((_, at) => at % 13 === 5).map(([path]) => ['delete', path]))
  return expected
}

async function checkWhole(account, key, expected) {
  const car = await account.getRepo()
  const whole = await verifyWhole(car, account.did, key)
  assertSameRecords(whole.records, expected, 'records in the file')
  for (const [path, cid] of whole.records) {
    assert.equal(cborToLexRecord(whole.blocks.get(cid)).$type, path.split('/')[0])
  }
  const latest = await account.server.get('com.atproto.sync.getLatestCommit', { did: account.did })
  assert.deepEqual(latest, { cid: String(whole.root), rev: whole.rev }, 'latest commit')
  const repo = await Repo.load(new MemoryBlockstore(whole.blocks), whole.root)
  const rebuilt = await rebuiltRoot(whole.records)
  assert.equal(String(rebuilt), String(repo.commit.data), 'root of the tree built again')
  const nodes = await repo.data.allCids()
  const needed = new Set([String(whole.root), ...nodes.toList().map(String), ...expected.values()])
  assert.deepEqual(new Set(whole.blocks.cids().map(String)), needed, 'blocks in the file')
  return { ...whole, repo, bytes: car.length }
}

/** The verifier is one that can say no. */
async function checkRefusals(account, key) {
  const car = await account.getRepo()
  const stranger = await Secp256k1Keypair.create()
  await assert.rejects(verifyWhole(car, account.did, stranger.did()), RepoVerificationError)
  await assert.rejects(verifyWhole(car, 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', key), RepoVerificationError)
  const damaged = car.slice()
  damaged[damaged.length - 1] ^= 1
  await assert.rejects(verifyWhole(damaged, account.did, key), /Not a valid CID for bytes/)
}

/** getRepo?since holds what is needed to go from the older state to the newer one. */
async function checkDiff(account, key, expected, whole) {
  const paths = [...expected.keys()]
  const isNote = (path) => path.startsWith('com.example.note/')
  const writes = [
    ...paths.filter((_, at) => at % 97 === 3).map((path) => ['delete', path]),
    ...paths.filter((path, at) => at % 97 > 60 && isNote(path)).map((path) => ['update', path, note('com.example.note')]),
    ...Array.from({ length: 20 }, (_, at) => ['create', `com.example.note.late/${at}`, note('com.example.note.late', at)]),
  ]
  assert(writes.length <= BATCH)
  const wanted = { create: new Map(), update: new Map(), delete: new Map() }
  const [, cids] = await account.write(writes)
  writes.forEach(([action, path], at) => wanted[action].set(path, cids[at]))
  const { uri, cid } = await account.createRecord('app.bsky.feed.post', post('one commit more'))
  wanted.create.set(uri.split('/').slice(3).join('/'), cid)

  const car = await account.getRepo(whole.rev)
  const diff = await verifyDiffCar(whole.repo, car, account.did, key)
  assert.equal(diff.commit.since, whole.rev)
  for (const action of ['create', 'update']) {
    const found = pathsOf(diff.writes.filter((write) => write.action === action))
    assertSameRecords(found, wanted[action], `${action}d since`)
    for (const [path, newCid] of wanted[action]) expected.set(path, newCid)
  }
  const deleted = pathsOf(diff.writes.filter((write) => write.action === 'delete'))
  assert.deepEqual([...deleted.keys()].sort(), [...wanted.delete.keys()].sort(), 'deleted since')
  for (const path of deleted.keys()) expected.delete(path)
  assert(car.length < whole.bytes / 2, `the diff has ${car.length} bytes, the whole ${whole.bytes}`)
  return { writes: diff.writes.length, carBytes: car.length }
}

function note($type, number = -1) {
  return { $type, number, text: 'späte Änderung' }
}

/** sync.getRecord proves that a record is there, or that it is not. */
async function checkProofs(account, key, records) {
  const present = [...records].filter((_, at) => at % 50 === 0)
  for (const [path, cid] of present) {
    const proof = await account.getProof(path)
    const proven = await verifyRecords(proof, account.did, key)
    assert(proven.some((record) => `${record.collection}/${record.rkey}` === path), `${path} is not in its proof`)
    await assertProves(proof, account.did, key, { right: claim(path, cid), wrong: claim(path, null) })
  }
  const absent = [
    'aaa.first.of.all/x',
    'zzz.last.of.all/x',
    'app.bsky.feed.postgate/self',
    'app.bsky.feed.pos/self',
    'com.example.note.deep/1x',
    'com.example.unknown/self',
    ...Array.from({ length: 30 }, (_, at) => `app.bsky.feed.post/3jzfcijp2${at % 10}${at}`),
  ]
  const [, someCid] = present[0]
  for (const path of absent) {
    const proof = await account.getProof(path)
    await assertProves(proof, account.did, key, { right: claim(path, null), wrong: claim(path, someCid) })
  }
  return { present: present.length, absent: absent.length }
}

function claim(path, cid) {
  const [collection, rkey] = path.split('/')
  return { collection, rkey, cid }
}

async function assertProves(proof, did, key, { right, wrong }) {
  const path = `${right.collection}/${right.rkey}`
  const { verified, unverified } = await verifyProofs(proof, [right, wrong], did, key)
  assert.deepEqual(verified, [right], `the proof for ${path} does not prove the truth`)
  assert.deepEqual(unverified, [wrong], `the proof for ${path} does not disprove the untruth`)
}

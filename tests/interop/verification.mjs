// What a stranger can say about a repo, with the official packages and nothing of ours.
import { IdResolver, MemoryCache } from '@atproto/identity'
import { MST, MemoryBlockstore, formatDataKey, readCarWithRoot, verifyRepo } from '@atproto/repo'
import { assert } from './client.mjs'

/** Resolves DIDs at `plc` and handles at `server`, which also hosts their names. */
export function makeIdResolver(plc, server) {
  // Releases after the pinned ones ask for https only, unless they are handed a fetch.
  const resolver = new IdResolver({ plcUrl: plc, didCache: new MemoryCache(), fetch })
  resolver.handle = { resolve: (handle) => server.resolveHandle(handle) }
  return resolver
}

/** Verify a whole repo; returns its commit and its records as a map of path to CID. */
export async function verifyWhole(car, did, key) {
  const { root, blocks } = await readCarWithRoot(car)
  const { creates, commit } = await verifyRepo(blocks, root, did, key)
  assert(commit.cid.equals(root), 'the root of the file is not the commit')
  return { blocks, root, rev: commit.rev, records: pathsOf(creates) }
}

/** Build the tree again from its records alone, in random order. */
export async function rebuiltRoot(records) {
  let tree = await MST.create(new MemoryBlockstore())
  for (const [path, cid] of shuffled([...records])) tree = await tree.add(path, cid)
  return tree.getPointer()
}

export function pathsOf(writes) {
  return new Map(writes.map(({ collection, rkey, cid }) => [formatDataKey(collection, rkey), cid]))
}

/** Two maps of path to CID (text or object) are the same. */
export function assertSameRecords(found, expected, what) {
  const text = (records) => [...records].map(([path, cid]) => `${path} ${cid}`).sort()
  assert.deepEqual(text(found), text(expected), what)
}

/** The same order every time, but none that helps. */
function shuffled(items) {
  let state = 1
  for (let last = items.length - 1; last > 0; last--) {
    state = (state * 48271) % 0x7fffffff
    const other = state % (last + 1)
    ;[items[last], items[other]] = [items[other], items[last]]
  }
  return items
}

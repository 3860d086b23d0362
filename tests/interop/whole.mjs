// node whole.mjs URL PLC DID: the whole repo of a DID, as a server exports it, verified by @atproto/repo.
import { MemoryBlockstore, Repo } from '@atproto/repo'
import { Server, assert, run } from './client.mjs'
import { makeIdResolver, rebuiltRoot, verifyWhole } from './verification.mjs'

run(async ([url, plc, did]) => {
  const server = new Server(url)
  const key = await makeIdResolver(plc, server).did.resolveAtprotoKey(did)
  const car = await server.get('com.atproto.sync.getRepo', { did })
  const { blocks, root, rev, records } = await verifyWhole(car, did, key)
  const { commit } = await Repo.load(new MemoryBlockstore(blocks), root)
  assert.equal(String(await rebuiltRoot(records)), String(commit.data), 'root of the tree built again')
  return { records: records.size, data: String(commit.data), rev, carBytes: car.length }
})

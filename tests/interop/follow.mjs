// Follows a firehose twice over: with the official consumer, and frame by frame.
//
// The consumer of @atproto/sync checks signatures and proofs, but leaves out what does not verify
// without a word. So every frame is read a second time, as it came, and both must tell the same.
// That second reading also undoes each commit on the blocks of its frame alone, which a relay does
// and @atproto/sync does not.
//
// node follow.mjs URL PLC REV: from the first event to the commit, or sync, of that rev.
import { pathToFileURL } from 'node:url'
import { MST, MemoryBlockstore, def, readCarWithRoot, verifyCommitSig } from '@atproto/repo'
import { Firehose, MemoryRunner } from '@atproto/sync'
import { Subscription } from '@atproto/xrpc-server'
import { Server, assert, run } from './client.mjs'
import { makeIdResolver } from './verification.mjs'

const LIMIT_MS = 60_000
const KINDS = ['commit', 'sync', 'identity', 'account']

/** Follow from `cursor` on; `stop(rev)` resolves to what was seen once that rev has come. */
export function follow(url, plc, cursor = 0) {
  const idResolver = makeIdResolver(plc, new Server(url))
  const service = url.replace(/^http/, 'ws')
  const readings = [new Authenticated(service, idResolver, cursor), new Frames(service, idResolver, cursor)]
  for (const reading of readings) {
    reading.done = reading.read()
    reading.done.catch(() => {}) // stop() looks at it
  }
  return {
    async stop(rev) {
      try {
        const failed = Promise.all(readings.map((reading) => reading.done)).then(() => {
          throw new Error('the stream ended')
        })
        await Promise.race([failed, Promise.all(readings.map((reading) => reading.until(rev)))])
      } finally {
        for (const reading of readings) reading.close()
      }
      const [authenticated, frames] = readings
      assert.deepEqual(authenticated.told, frames.told, '@atproto/sync leaves events out')
      return frames
    },
  }
}

class Reading {
  told = [] // a line for every identity, account and sync event and every operation
  #wanted

  /** Wait for the commit or sync of a rev. */
  until(rev) {
    this.#wanted = { rev }
    const reached = new Promise((resolve) => (this.#wanted.resolve = resolve))
    this.note()
    const late = new Promise((_, reject) => {
      const explain = () => reject(new Error(`${this.constructor.name}: no ${rev} in ${LIMIT_MS} ms; saw ${this.lastRev}`))
      setTimeout(explain, LIMIT_MS).unref()
    })
    return Promise.race([reached, late])
  }

  note(rev = this.lastRev) {
    this.lastRev = rev
    if (this.#wanted && rev >= this.#wanted.rev) this.#wanted.resolve()
  }
}

/** What @atproto/sync makes of the stream. */
class Authenticated extends Reading {
  constructor(service, idResolver, cursor) {
    super()
    this.firehose = new Firehose({
      service,
      idResolver,
      runner: new MemoryRunner({ startCursor: cursor, concurrency: 1 }),
      unauthenticatedCommits: false,
      unauthenticatedHandles: false,
      subscriptionReconnectDelay: 100,
      onError: (error) => this.fail(error),
      handleEvent: (event) => this.#handle(event),
    })
  }

  read() {
    const failed = new Promise((_, reject) => (this.fail = reject))
    return Promise.race([failed, this.firehose.start()])
  }

  close() {
    void this.firehose.destroy()
  }

  #handle(event) {
    const { event: kind, seq, did } = event
    if (kind === 'identity') {
      assert.equal(event.didDocument?.id, did)
      this.told.push(`${seq} identity ${did} ${event.handle}`)
    } else if (kind === 'account') {
      this.told.push(`${seq} account ${did} ${event.active} ${event.status}`)
    } else if (kind === 'sync') {
      this.told.push(`${seq} sync ${did} ${event.rev} ${event.cid}`)
    } else {
      const cid = kind === 'delete' ? null : event.cid
      if (cid) assert.equal(event.record.$type, event.collection)
      this.told.push(`${seq} ${kind} ${did} ${event.collection}/${event.rkey} ${cid}`)
    }
    this.note(event.rev)
  }
}

/** The frames as they came, checked as a relay would. */
class Frames extends Reading {
  counts = { frames: 0, ops: 0, bytes: 0 }
  repos = new Map() // by DID: {rev, data, records (path → CID; undefined after a sync), active}
  lastSeq = 0

  constructor(service, idResolver, cursor) {
    super()
    this.idResolver = idResolver
    this.abort = new AbortController()
    this.subscription = new Subscription({
      service,
      method: 'com.atproto.sync.subscribeRepos',
      signal: this.abort.signal,
      getParams: () => ({ cursor }),
      validate: (frame) => frame,
    })
  }

  async read() {
    try {
      for await (const frame of this.subscription) await this.#accept(frame)
    } catch (error) {
      if (error.name !== 'AbortError') throw error
    }
  }

  close() {
    this.abort.abort()
  }

  repo(did) {
    if (!this.repos.has(did)) this.repos.set(did, { rev: null, data: null, records: new Map(), active: undefined })
    return this.repos.get(did)
  }

  async #accept(frame) {
    const kind = frame.$type.split('#')[1]
    assert(KINDS.includes(kind), `a frame of type ${frame.$type}`)
    assert(frame.seq > this.lastSeq, `seq ${frame.seq} after ${this.lastSeq}`)
    this.lastSeq = frame.seq
    this.counts.frames += 1
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
    await this[kind](frame)
    this.note(frame.rev)
  }

  async identity({ seq, did, handle }) {
    const known = await this.idResolver.did.resolve(did)
    assert.deepEqual(known.alsoKnownAs, [`at://${handle}`], `handle in the document of ${did}`)
    this.told.push(`${seq} identity ${did} ${handle}`)
  }

  account({ seq, did, active, status }) {
    this.repo(did).active = active
    this.told.push(`${seq} account ${did} ${active} ${status}`)
  }

  async sync({ seq, did, rev, blocks }) {
    const { root, commit } = await this.#readCommit(did, blocks)
    assert.equal(commit.rev, rev)
    const repo = this.repo(did)
    if (String(commit.data) !== String(repo.data)) repo.records = undefined
    Object.assign(repo, { rev, data: commit.data })
    this.told.push(`${seq} sync ${did} ${rev} ${root}`)
  }

  async commit(frame) {
    const { seq, repo: did, rev, since, ops, prevData, blocks } = frame
    const { root, commit, storage } = await this.#readCommit(did, blocks)
    assert.equal(String(root), String(frame.commit), 'root of the blocks')
    assert.equal(commit.rev, rev)
    assert.deepEqual([frame.tooBig, frame.rebase, frame.blobs.length <= 1000], [false, false, true])
    assert(ops.length <= 200 && blocks.length <= 2_000_000, `commit ${seq} is too big`)
    const repo = this.repo(did)
    assert(repo.active !== false, `a commit of ${did}, which is not active`)
    assert(rev > (repo.rev ?? ''), `rev ${rev} after ${repo.rev}`)
    if (repo.rev === null && since) repo.records = undefined // one that moved in with its records
    else assert.equal(since ?? null, repo.rev, `since of commit ${seq}`)
    if (prevData) {
      const before = await undo(MST.load(storage, commit.data), ops)
      assert.equal(String(before), String(prevData), `commit ${seq} undone`)
    }
    if (repo.data) assert.equal(String(prevData), String(repo.data), `prevData of commit ${seq}`)
    for (const { action, path, cid, prev } of ops) {
      if (repo.records) assert.equal(String(prev), String(repo.records.get(path)), `prev of ${path}`)
      if (cid) repo.records?.set(path, cid)
      else repo.records?.delete(path)
      this.told.push(`${seq} ${action} ${did} ${path} ${cid}`)
    }
    Object.assign(repo, { rev, data: commit.data })
    this.counts.ops += ops.length
    this.counts.bytes += blocks.length
  }

  async #readCommit(did, blocks) {
    const car = await readCarWithRoot(blocks)
    const storage = new MemoryBlockstore(car.blocks)
    const commit = await storage.readObj(car.root, def.commit)
    assert.equal(commit.did, did)
    const key = await this.idResolver.did.resolveAtprotoKey(did)
    assert(await verifyCommitSig(commit, key), `signature of a commit of ${did}`)
    return { root: car.root, commit, storage }
  }
}

/** The root before the operations, from the blocks of one frame. */
async function undo(tree, ops) {
  for (const { action, path, prev } of ops.toReversed()) {
    if (action === 'create') tree = await tree.delete(path)
    else if (action === 'update') tree = await tree.update(path, prev)
    else tree = await tree.add(path, prev)
  }
  return tree.getPointer()
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  run(async ([url, plc, rev]) => (await follow(url, plc).stop(rev)).counts)
}

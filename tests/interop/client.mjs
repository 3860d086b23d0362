// A small client of one server: XRPC calls, an account, and how a script ends.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import http from 'node:http'

export { assert }

/** Run a script's body: its result goes to stdout as one line of JSON, a failure to stderr. */
export async function run(body) {
  const started = performance.now()
  try {
    const figures = await body(process.argv.slice(2))
    const seconds = Number(((performance.now() - started) / 1000).toFixed(1))
    console.log(JSON.stringify({ ...figures, seconds }))
    process.exit(0)
  } catch (error) {
    console.error(`FAILED: ${error.message}`)
    for (let cause = error; cause; cause = cause.cause) console.error(cause.stack)
    process.exit(1)
  }
}

export class Server {
  constructor(url) {
    this.url = url.replace(/\/$/, '')
  }

  get(nsid, params = {}, token) {
    const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== undefined))
    return this.#send(`${nsid}?${query}`, { token })
  }

  /** `body`: bytes are sent as they are, anything else as JSON, undefined as no body. */
  post(nsid, body, { token, type } = {}) {
    const isBytes = body instanceof Uint8Array
    const headers = body === undefined ? {} : { 'content-type': type ?? 'application/json' }
    return this.#send(nsid, {
      method: 'POST',
      headers,
      token,
      body: body === undefined || isBytes ? body : JSON.stringify(body),
    })
  }

  async #send(path, { method = 'GET', headers = {}, token, body }) {
    const reply = await fetch(`${this.url}/xrpc/${path}`, {
      method,
      headers: token ? { ...headers, authorization: `Bearer ${token}` } : headers,
      body,
    })
    const bytes = new Uint8Array(await reply.arrayBuffer())
    const text = () => new TextDecoder().decode(bytes)
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text()}`)
    if (bytes.length === 0) return undefined
    return reply.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text()) : bytes
  }

  /** The handle starts with `name`; a server may be used for many runs. */
  async createAccount(name) {
    const unique = `${name}-${randomBytes(4).toString('hex')}`
    const made = await this.post('com.atproto.server.createAccount', {
      handle: `${unique}.test`,
      email: `${unique}@mail.example.com`,
      password: 'a long password',
    })
    return new Account(this, made)
  }

  /** The DID that a handle of this server claims, asked for as anybody would: at its own host name. */
  resolveHandle(handle) {
    const { hostname, port } = new URL(this.url)
    const options = { hostname, port, path: '/.well-known/atproto-did', headers: { host: handle } }
    return new Promise((resolve, reject) => {
      http
        .get(options, (reply) => {
          let text = ''
          reply.on('data', (chunk) => (text += chunk))
          reply.on('end', () => resolve(reply.statusCode === 200 ? text.trim() : undefined))
        })
        .on('error', reject)
    })
  }
}

export class Account {
  constructor(server, { did, handle, accessJwt }) {
    Object.assign(this, { server, did, handle, token: accessJwt })
  }

  call(nsid, body, type) {
    return this.server.post(nsid, body, { token: this.token, type })
  }

  /** `writes`: [action, path, value]; returns [{rev, cid}, CIDs of the records in order]. */
  async write(writes) {
    const reply = await this.call('com.atproto.repo.applyWrites', {
      repo: this.did,
      writes: writes.map(([action, path, value]) => {
        const [collection, rkey] = path.split('/')
        return { $type: `com.atproto.repo.applyWrites#${action}`, collection, rkey, value }
      }),
    })
    return [reply.commit, reply.results.map((result) => result.cid)]
  }

  createRecord(collection, record) {
    return this.call('com.atproto.repo.createRecord', { repo: this.did, collection, record })
  }

  getRepo(since) {
    return this.server.get('com.atproto.sync.getRepo', { did: this.did, since })
  }

  /** Proof of a record, or of its absence. */
  getProof(path) {
    const [collection, rkey] = path.split('/')
    return this.server.get('com.atproto.sync.getRecord', { did: this.did, collection, rkey })
  }
}

export function post(text, more = {}) {
  return { $type: 'app.bsky.feed.post', text, createdAt: '2026-01-01T00:00:00.000Z', ...more }
}

export function inBatches(items, size) {
  const batches = []
  for (let start = 0; start < items.length; start += size) batches.push(items.slice(start, start + size))
  return batches
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { digestOfBytes, startServer, type TestServer } from './fake-registry.ts'

/** What goes wrong with one request. */
export type Fault =
  /** Answers so, before the body is read. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly code?: string }
  /** Takes so many bytes of the body, then cuts the connection. */
  | { readonly resetAfter: number }
  /** Does what it is asked to, then cuts the connection in place of an answer. */
  | 'lose-answer'
  /** Never answers. */
  | 'stall'

/** A request, and how many there were before it. */
export interface FaultyRequest {
  readonly method: string
  readonly url: string
  readonly index: number
  readonly authorization: string | undefined
}

/** How a registry behaves. */
export interface UploadBehaviour {
  fault?(request: FaultyRequest): Fault | undefined | Promise<Fault | undefined>
  /** The `Location` of an upload, from its path. Default: the path. */
  location?(path: string): string | undefined
  /** The `Range` after a `PATCH` and to `GET`, from the bytes that are there. Default: the truth. */
  range?(bytes: number): string | undefined
  /** Bytes that are taken of one `PATCH` at most. */
  readonly mostOfPatch?: number
  /** What it calls a blob that it has taken. Default: the truth. */
  digestOf?(bytes: Buffer): string
}

/** A registry that holds what it is given. */
export interface UploadRegistry extends TestServer {
  readonly blobs: ReadonlyMap<string, Buffer>
  readonly manifests: ReadonlyMap<string, Buffer>
  /** Bytes of bodies that came in. */
  readonly receivedBytes: () => number
}

/** Starts a registry that takes uploads in every way that the specification has, strictly. */
export async function startUploadRegistry(behaviour: UploadBehaviour = {}): Promise<UploadRegistry> {
  const blobs = new Map<string, Buffer>()
  const manifests = new Map<string, Buffer>()
  const uploads = new Map<string, Buffer>()
  let [requests, received, lastUpload] = [0, 0, 0]

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [method, url] = [request.method ?? '', request.url ?? '']
    const { socket } = request
    const fault = await behaviour.fault?.({
      method,
      url,
      index: requests++,
      authorization: request.headers.authorization,
    })
    if (fault === 'stall') return
    if (typeof fault === 'object' && 'status' in fault) {
      const errors = [{ code: fault.code ?? 'UNKNOWN', message: 'a fault' }]
      return void response.writeHead(fault.status, { ...fault.headers }).end(JSON.stringify({ errors }))
    }
    const limit = typeof fault === 'object' ? fault.resetAfter : Infinity
    const body = await readUpTo(request, limit)
    received += body.length
    const isCut = typeof fault === 'object'
    const answer = answerTo(method, new URL(url, 'http://x'), body, request, isCut)
    if (isCut || fault === 'lose-answer') return void socket.destroy()
    response.writeHead(answer.status, { ...answer.headers })
    response.end(method === 'HEAD' ? undefined : answer.body)
  }

  function answerTo(method: string, url: URL, body: Buffer, request: IncomingMessage, isCut: boolean): Answer {
    const path = url.pathname
    if (path === '/v2/') return { status: 200, body: '{}' }
    if (path.endsWith('/tags/list')) return tagsAnswer(path)
    const upload = /^(\/v2\/.+\/blobs\/uploads)\/(\d+)$/.exec(path)
    if (upload !== null) return uploadAnswer(method, url, upload[2] ?? '', body, request, isCut)
    if (isCut) return { status: 500 }
    const [, kind, name = ''] = /\/(manifests|blobs)\/([^/]+)(?:\/)?$/.exec(path) ?? []
    if (method === 'POST') {
      const id = `${++lastUpload}`
      uploads.set(id, Buffer.alloc(0))
      return { status: 202, headers: locationHeader(`${path}${id}`) }
    }
    if (method === 'PUT' && kind === 'manifests') {
      manifests.set(name, body)
      return { status: 201, headers: { 'docker-content-digest': digestOfBytes(body) } }
    }
    const held = (kind === 'blobs' ? blobs : manifests).get(name)
    if (held === undefined) return refusal(404, 'BLOB_UNKNOWN')
    return { status: 200, headers: { 'content-length': held.length }, body: held }
  }

  /** One list for all repositories, as there is one set of manifests. */
  function tagsAnswer(path: string): Answer {
    const tags = [...manifests.keys()].filter((name) => !name.startsWith('sha256:'))
    if (tags.length === 0) return refusal(404, 'NAME_UNKNOWN')
    return { status: 200, body: JSON.stringify({ name: path.slice('/v2/'.length, -'/tags/list'.length), tags }) }
  }

  function uploadAnswer(
    method: string,
    url: URL,
    id: string,
    body: Buffer,
    request: IncomingMessage,
    isCut: boolean,
  ): Answer {
    const there = uploads.get(id)
    if (there === undefined) return refusal(404, 'BLOB_UPLOAD_UNKNOWN')
    if (method === 'GET')
      return { status: 204, headers: { ...locationHeader(url.pathname), ...rangeHeader(there.length) } }
    const start = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1]
    if (start !== undefined && Number(start) !== there.length) return refusal(416, 'RANGE_INVALID')
    const taken = method === 'PATCH' ? body.subarray(0, behaviour.mostOfPatch) : body
    const all = Buffer.concat([there, taken])
    uploads.set(id, all)
    if (isCut) return { status: 500 }
    if (method === 'PATCH') {
      return { status: 202, headers: { ...locationHeader(url.pathname), ...rangeHeader(all.length) } }
    }
    const digest = url.searchParams.get('digest') ?? ''
    if (digestOfBytes(all) !== digest) return refusal(400, 'DIGEST_INVALID')
    blobs.set(digest, all)
    uploads.delete(id)
    return { status: 201, headers: { 'docker-content-digest': behaviour.digestOf?.(all) ?? digest } }
  }

  function locationHeader(path: string): Readonly<Record<string, string>> {
    const location = behaviour.location === undefined ? path : behaviour.location(path)
    return location === undefined ? {} : { location }
  }

  function rangeHeader(bytes: number): Readonly<Record<string, string>> {
    const range = behaviour.range === undefined ? `0-${Math.max(0, bytes - 1)}` : behaviour.range(bytes)
    return range === undefined ? {} : { range }
  }

  const server = await startServer((request, response) => {
    const { socket } = request
    request.on('error', () => undefined)
    // A client that goes away has nothing to be answered.
    handle(request, response).catch(() => socket.destroy())
  })
  return { ...server, blobs, manifests, receivedBytes: () => received }
}

/** The body, or what comes of it before `limit` bytes. */
async function readUpTo(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    const taken = chunk.subarray(0, limit - bytes)
    chunks.push(taken)
    bytes += taken.length
    if (bytes >= limit) break
  }
  return Buffer.concat(chunks)
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: string | Buffer
}

function refusal(status: number, code: string): Answer {
  return { status, body: JSON.stringify({ errors: [{ code, message: 'refused' }] }) }
}

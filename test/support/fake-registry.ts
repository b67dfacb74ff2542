import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** What a request said. */
export interface SeenRequest {
  readonly method: string
  /** With its query. */
  readonly url: string
  readonly headers: IncomingMessage['headers']
}

/** A server on this machine, and what it was asked. */
export interface TestServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  readonly origin: string
  readonly requests: readonly SeenRequest[]
}

/** What a registry holds, by digest and by tag. */
export interface Holdings {
  readonly blobs: ReadonlyMap<string, Uint8Array>
  readonly manifests: ReadonlyMap<string, Uint8Array>
}

/** Starts a server; with `tls` it speaks https. */
export async function startServer(listener: RequestListener, tls?: ServerOptions): Promise<TestServer> {
  const requests: SeenRequest[] = []
  const seen: RequestListener = (request, response) => {
    requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers })
    listener(request, response)
  }
  const server: Server = tls === undefined ? createServer(seen) : createTlsServer(tls, seen)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host,
    origin: `${tls === undefined ? 'http' : 'https'}://${host}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

/** Answers as a registry that holds these; every repository has all of them. */
export function serveHoldings(holdings: Holdings, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '').replace(/\?.*/, '')
  const [, kind = '', name = ''] = /^\/v2\/.+\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? []
  const held = (kind === 'blobs' ? holdings.blobs : holdings.manifests).get(name)
  if (path === '/v2/') return void response.end('{}')
  if (held === undefined) {
    response.writeHead(404, { 'content-type': 'application/json' })
    const code = kind === 'blobs' ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN'
    return void response.end(JSON.stringify({ errors: [{ code, message: `${kind} unknown` }] }))
  }
  const digest = digestOfBytes(held)
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  response.writeHead(start === 0 ? 200 : 206, {
    'content-type': kind === 'blobs' ? 'application/octet-stream' : manifestType(held),
    'content-length': held.length - start,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    ...(start === 0 ? {} : { 'content-range': `bytes ${start}-${held.length - 1}/${held.length}` }),
  })
  response.end(request.method === 'HEAD' ? undefined : held.subarray(start))
}

/** A sample image of the shared vectors, and what its top manifest is. */
export function readSample(folder: string): { readonly holdings: Holdings; readonly digest: string } {
  const blobs = new Map<string, Uint8Array>()
  const manifests = new Map<string, Uint8Array>()
  let top = ''
  for (const file of readdirSync(join(folder, 'src'))) {
    const bytes = readFileSync(join(folder, 'src', file))
    const digest = digestOfBytes(bytes)
    const isManifest = /^(?:manifest|index)-/.test(file)
    ;(isManifest ? manifests : blobs).set(digest, bytes)
    if (isManifest && (top === '' || file.startsWith('index-'))) top = digest
  }
  return { holdings: { blobs, manifests }, digest: top }
}

export function digestOfBytes(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function manifestType(bytes: Uint8Array): string {
  const { mediaType } = JSON.parse(Buffer.from(bytes).toString()) as { mediaType?: string }
  return mediaType ?? 'application/vnd.oci.image.manifest.v1+json'
}

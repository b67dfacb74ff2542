/**
 * A registry on this machine with what is in the folder of an OCI layout.
 *
 *     npx dockertools build examples/nixpkgs/registry/image.ts --format oci -o result-registry
 *     npx node examples/nixpkgs/registry/serve.ts result-registry
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

const [folder = 'result-registry', port = '5000'] = process.argv.slice(2)

const server = createServer((request, response) => {
  const [, kind, digest] = /^\/v2\/.*\/(manifests|blobs)\/sha256:([0-9a-f]{64})$/.exec(request.url ?? '') ?? []
  if (digest === undefined) {
    response.writeHead(request.url === '/v2/' ? 200 : 404).end()
    return
  }
  readFile(join(folder, 'blobs/sha256', digest)).then(
    (blob) => {
      if (kind === 'manifests') response.setHeader('content-type', 'application/vnd.oci.image.manifest.v1+json')
      response.setHeader('content-length', blob.length)
      response.end(request.method === 'HEAD' ? undefined : blob)
    },
    () => response.writeHead(404).end(),
  )
})
server.listen(Number(port), 'localhost', () => {
  console.log(`localhost:${(server.address() as AddressInfo).port}`)
})

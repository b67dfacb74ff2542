import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** PEM files of an authority of our own, and of a server and a client that it vouches for. */
export interface Certificates {
  readonly authority: string
  readonly server: { readonly cert: string; readonly key: string }
  readonly client: { readonly cert: string; readonly key: string }
  /** Paths of the server's. */
  readonly files: { readonly authority: string; readonly cert: string; readonly key: string }
}

/** Makes certificates for 127.0.0.1 and localhost in `folder`, with openssl. */
export function makeCertificates(folder: string): Certificates {
  mkdirSync(folder, { recursive: true })
  const path = (name: string): string => join(folder, name)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.crt'),
    '-days',
    '3650',
    '-subj',
    '/CN=Own',
  )
  for (const name of ['server', 'client']) {
    openssl('req', ...key, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`), '-subj', `/CN=${name}`)
    writeFileSync(path('extensions'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
    const sign = ['-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial', '-days', '3650']
    const request = ['-in', path(`${name}.csr`), '-out', path(`${name}.crt`), '-extfile', path('extensions')]
    openssl('x509', '-req', ...request, ...sign)
  }
  const read = (name: string): string => readFileSync(path(name), 'utf8')
  return {
    authority: read('ca.crt'),
    server: { cert: read('server.crt'), key: read('server.key') },
    client: { cert: read('client.crt'), key: read('client.key') },
    files: { authority: path('ca.crt'), cert: path('server.crt'), key: path('server.key') },
  }
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' })
}

import { createPrivateKey, createSign, randomUUID, X509Certificate } from 'node:crypto'
import { type SeenRequest, startServer } from '../support/fake-registry.ts'

/** A token server as docker-registry wants one: alice may do anything, anybody may pull. */
export interface RegistryTokenServer extends AsyncDisposable {
  readonly origin: string
  readonly requests: readonly SeenRequest[]
}

/** @param now Seconds since 1970: tokens have a time in them. */
export async function startTokenServer(
  keyPair: { readonly cert: string; readonly key: string },
  now: () => number,
): Promise<RegistryTokenServer> {
  const certificate = new X509Certificate(keyPair.cert)
  const key = createPrivateKey(keyPair.key)
  return await startServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x')
    const { authorization } = request.headers
    const isAlice = authorization === `Basic ${Buffer.from('alice:secret').toString('base64')}`
    if (authorization !== undefined && !isAlice) return void response.writeHead(401).end('{}')
    const access = url.searchParams.getAll('scope').map((scope) => {
      const [type, name, actions = ''] = scope.split(':')
      return { type, name, actions: actions.split(',').filter((action) => isAlice || action === 'pull') }
    })
    const seconds = now()
    const payload = {
      iss: 'test-issuer',
      sub: isAlice ? 'alice' : '',
      aud: url.searchParams.get('service'),
      exp: seconds + 300,
      nbf: seconds - 10,
      iat: seconds,
      jti: randomUUID(),
      access,
    }
    const header = { typ: 'JWT', alg: 'ES256', x5c: [certificate.raw.toString('base64')] }
    const text = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    const signature = createSign('sha256').update(text).sign({ key, dsaEncoding: 'ieee-p1363' })
    response.end(JSON.stringify({ token: `${text}.${signature.toString('base64url')}`, expires_in: 300 }))
  })
}

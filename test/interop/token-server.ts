import { createPrivateKey, createSign, randomUUID, X509Certificate } from 'node:crypto'
import { type SeenRequest, startServer } from '../support/fake-registry.ts'

/** Alice's. */
export const PASSWORD = 'pa55-w0rd-of-alice'

/** The same for the registry itself, as `htpasswd -B` writes it. */
export const HTPASSWD = 'alice:$2b$04$6yAt6oi73DqGiYrsFpRhKeYt9BSm31XEFyTchT0j1CX67VMCwiW/a\n'

/** A token server as docker-registry wants one: alice may do anything, anybody may pull. */
export interface RegistryTokenServer extends AsyncDisposable {
  readonly origin: string
  readonly requests: readonly SeenRequest[]
  /** All tokens, in order. */
  readonly given: readonly string[]
}

/** @param now Seconds since 1970: tokens have a time in them. */
export async function startTokenServer(
  keyPair: { readonly cert: string; readonly key: string },
  now: () => number,
): Promise<RegistryTokenServer> {
  const certificate = new X509Certificate(keyPair.cert)
  const key = createPrivateKey(keyPair.key)
  const given: string[] = []
  const server = await startServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x')
    const { authorization } = request.headers
    const isAlice = authorization === `Basic ${Buffer.from(`alice:${PASSWORD}`).toString('base64')}`
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
    const token = `${text}.${signature.toString('base64url')}`
    given.push(token)
    response.end(JSON.stringify({ token, expires_in: 300 }))
  })
  return { ...server, given, [Symbol.asyncDispose]: () => Promise.resolve(server[Symbol.asyncDispose]()) }
}

import { DockerToolsError, TransferError } from '#errors'
import { type HttpOptions, openUrl, readResponse, redactUrl, type RequestBody } from '#http'
import { isJsonObject, type JsonValue, parseJson } from '#image'
import type { Credential } from './credential.ts'

/** Who gives tokens, as a challenge names him. */
export interface TokenServer {
  readonly realm: URL
  readonly service: string | undefined
}

/** A token and how long it is good for. */
export interface Token {
  readonly value: string
  readonly lifetimeMs: number
}

const CLIENT_ID = 'dockertools'
/** What a token is good for where its server does not say, by the specification. */
const DEFAULT_LIFETIME_SECONDS = 60
const MAX_ANSWER_BYTES = 1024 * 1024
const MAX_TOKEN_LENGTH = 48 * 1024
const REFUSALS: readonly number[] = [400, 401, 403, 404, 405]

/**
 * Asks for a token for `scopes`: with a password or as anybody by `GET`, with an identity token by `POST`.
 *
 * @param registry Names the registry in errors.
 * @throws {DockerToolsError} `ACCESS_DENIED`, `FORMAT_INVALID`, and as `openUrl`.
 * @see https://distribution.github.io/distribution/spec/auth/token/ and .../oauth/
 */
export async function fetchToken(
  server: TokenServer,
  scopes: readonly string[],
  credential: Credential | undefined,
  registry: string,
  options: HttpOptions,
): Promise<Token> {
  const request =
    credential?.type === 'identity-token'
      ? tokenPost(server, scopes, credential.token)
      : tokenGet(server, scopes, credential?.type === 'password' ? credential : undefined)
  const { url, ...own } = request
  await using response = await openUrl(url.href, {
    ...options,
    ...own,
    allowStatus: REFUSALS,
    maxBytes: MAX_ANSWER_BYTES,
  })
  const shown = redactUrl(url)
  if (REFUSALS.includes(response.status)) throw refused(registry, shown, response.status, credential !== undefined)
  return parseToken(await readResponse(response, MAX_ANSWER_BYTES), shown)
}

interface TokenRequest {
  readonly url: URL
  readonly method?: 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: RequestBody
}

function tokenGet(
  { realm, service }: TokenServer,
  scopes: readonly string[],
  user: { readonly username: string; readonly password: string } | undefined,
): TokenRequest {
  const url = new URL(realm)
  if (user !== undefined) url.searchParams.append('account', user.username)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (service !== undefined) url.searchParams.append('service', service)
  return { url, headers: user === undefined ? {} : { authorization: basicAuthorization(user) } }
}

function tokenPost({ realm, service }: TokenServer, scopes: readonly string[], token: string): TokenRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: CLIENT_ID,
    refresh_token: token,
    ...(service === undefined ? {} : { service }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  })
  const bytes = Buffer.from(form.toString(), 'utf8')
  return {
    url: realm,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: {
      size: bytes.length,
      isSecret: true,
      async *open() {
        yield bytes
      },
    },
  }
}

/** `Authorization` for a user with a password. */
export function basicAuthorization({
  username,
  password,
}: {
  readonly username: string
  readonly password: string
}): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`
}

function parseToken(bytes: Uint8Array, url: string): Token {
  let answer: JsonValue
  try {
    answer = parseJson(Buffer.from(bytes).toString('utf8'), 'token')
  } catch {
    // The parser's own error might show a piece of a token.
    throw invalid(url, 'its answer is not valid JSON')
  }
  if (!isJsonObject(answer)) throw invalid(url, 'its answer should be an object')
  const [token, accessToken, expiresIn] = [answer.get('token'), answer.get('access_token'), answer.get('expires_in')]
  const value = typeof token === 'string' && token !== '' ? token : accessToken
  if (typeof value !== 'string' || value === '') throw invalid(url, 'its answer has no "token"')
  if (!/^[\x21-\x7e]+$/.test(value) || value.length > MAX_TOKEN_LENGTH) {
    throw invalid(url, `the token should be up to ${MAX_TOKEN_LENGTH} letters, digits and signs`)
  }
  const seconds = typeof expiresIn === 'number' && expiresIn >= 0 ? expiresIn : DEFAULT_LIFETIME_SECONDS
  return { value, lifetimeMs: seconds * 1000 }
}

function refused(registry: string, url: string, status: number, hasCredential: boolean): TransferError {
  return new TransferError(
    `Cannot log in to registry "${registry}": its token server "${url}" answered ${status}, ${
      hasCredential ? 'it does not take the credentials' : 'it gives no token to anybody'
    }`,
    {
      code: 'ACCESS_DENIED',
      url,
      status,
      hint: `Log in${hasCredential ? ' again' : ''}, for example with docker login ${registry}`,
    },
  )
}

function invalid(url: string, reason: string): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot read the token of "${url}": ${reason}`)
}

import { DockerToolsError } from '#errors'
import type { Authorizer, HttpOptions } from '#http'
import { type Credential, secretsOf } from './credential.ts'
import { type Challenge, parseChallenges } from './parse-challenges.ts'
import { basicAuthorization, fetchToken, type TokenServer } from './token-server.ts'

/** What the registry wants to hear. */
type Method =
  | { readonly type: 'basic' }
  | { readonly type: 'bearer'; readonly server: TokenServer; readonly extraScopes: readonly string[] }

interface CachedToken {
  readonly value: Promise<string>
  isFresh(): boolean
}

/** The part of a token's life that it is used for: the rest is for requests on their way. */
const USED_SHARE = 0.9

/**
 * Says to one registry who we are, as it asks: nothing before its first challenge, then Basic or Bearer. Tokens are
 * kept until they end, one for each set of scopes.
 */
export class RegistryAuthorizer {
  readonly #registry: string
  readonly #findCredential: () => Promise<Credential | undefined>
  readonly #http: HttpOptions
  readonly #mayBePlain: boolean
  readonly #tokens = new Map<string, CachedToken>()
  readonly #secrets = new Set<string>()
  #credential: Promise<Credential | undefined> | undefined
  #method: Method | undefined

  /**
   * @param http For requests to token servers.
   * @param mayBePlain Whether credentials may go out unencrypted, as they do to the registry itself.
   */
  constructor(
    registry: string,
    findCredential: () => Promise<Credential | undefined>,
    http: HttpOptions,
    mayBePlain: boolean,
  ) {
    this.#registry = registry
    this.#findCredential = findCredential
    this.#http = http
    this.#mayBePlain = mayBePlain
  }

  /** For requests that need `scopes`, such as `repository:library/redis:pull`. */
  forScopes(scopes: readonly string[]): Authorizer {
    return {
      authorization: () => this.#authorization(scopes),
      challenged: (headers, sent) => this.#challenged(headers, sent, scopes),
    }
  }

  /** Takes a challenge into account that came outside of a request with an authorizer. */
  learn(headers: Readonly<Record<string, string>>): void {
    this.#method = this.#choose(parseChallenges(headers['www-authenticate'])) ?? this.#method
  }

  /** Whether this user has something to say at all. */
  async hasCredential(): Promise<boolean> {
    return (await this.#getCredential()) !== undefined
  }

  /** `text` without any secret that is in use: servers may repeat what they were told. */
  redact(text: string): string {
    let shown = text
    for (const secret of this.#secrets) if (secret !== '') shown = shown.replaceAll(secret, '***')
    return shown
  }

  async #authorization(scopes: readonly string[]): Promise<string | undefined> {
    const method = this.#method
    if (method === undefined) return undefined
    const credential = await this.#getCredential()
    if (method.type === 'basic') return credential?.type === 'password' ? basicAuthorization(credential) : undefined
    if (credential?.type === 'registry-token') return `Bearer ${credential.token}`
    return `Bearer ${await this.#token(method, scopes)}`
  }

  async #challenged(
    headers: Readonly<Record<string, string>>,
    sent: string | undefined,
    scopes: readonly string[],
  ): Promise<boolean> {
    const before = this.#method
    const challenges = parseChallenges(headers['www-authenticate'])
    this.#method = this.#choose(challenges) ?? before
    const method = this.#method
    if (method === undefined) return false
    const credential = await this.#getCredential()
    if (method.type === 'basic') return credential?.type === 'password' && sent !== basicAuthorization(credential)
    if (credential?.type === 'registry-token') return sent === undefined
    const isNew = method.extraScopes.some((scope) => !scopes.includes(scope) && !extraScopesOf(before).includes(scope))
    const isTooLittle = challenges.some(({ parameters }) => parameters.get('error') === 'insufficient_scope')
    if (sent?.startsWith('Bearer ') === true && isTooLittle && !isNew) return false
    await this.#forget(sent)
    return true
  }

  /** The first challenge that can be answered; tokens before passwords, which they keep out of further requests. */
  #choose(challenges: readonly Challenge[]): Method | undefined {
    for (const { scheme, parameters } of challenges) {
      const realm = URL.parse(parameters.get('realm') ?? '')
      if (scheme !== 'bearer' || realm === null) continue
      const extraScopes = (parameters.get('scope') ?? '').split(' ').filter((scope) => scope !== '')
      const server = { realm: this.#checkRealm(realm), service: parameters.get('service') }
      return { type: 'bearer', server, extraScopes }
    }
    return challenges.some(({ scheme }) => scheme === 'basic') ? { type: 'basic' } : undefined
  }

  #checkRealm(realm: URL): URL {
    const isFit = realm.protocol === 'https:' || (realm.protocol === 'http:' && this.#mayBePlain)
    if (!isFit) {
      throw new DockerToolsError(
        'FORMAT_UNSUPPORTED',
        `Cannot log in to registry "${this.#registry}": its token server is at "${realm.origin}", it should be at an https URL`,
      )
    }
    const bare = new URL(realm)
    bare.username = ''
    bare.password = ''
    return bare
  }

  #getCredential(): Promise<Credential | undefined> {
    this.#credential ??= this.#findCredential().then((credential) => {
      for (const secret of credential === undefined ? [] : secretsOf(credential)) this.#secrets.add(secret)
      return credential
    })
    return this.#credential
  }

  async #token(method: Method & { readonly type: 'bearer' }, scopes: readonly string[]): Promise<string> {
    const wanted = [...new Set([...scopes, ...method.extraScopes])].toSorted(byCodeUnits)
    const key = [method.server.realm.href, method.server.service ?? '', ...wanted].join('\n')
    const cached = this.#tokens.get(key)
    if (cached?.isFresh() === true) return await cached.value
    let endsMs = Number.POSITIVE_INFINITY
    const value = this.#fetch(method.server, wanted).then((token) => {
      endsMs = performance.now() + token.lifetimeMs * USED_SHARE
      return token.value
    })
    // This clock moves no byte of a result: it only says when to ask for the next token.
    this.#tokens.set(key, { value, isFresh: () => performance.now() < endsMs })
    try {
      return await value
    } catch (error) {
      this.#tokens.delete(key)
      throw error
    }
  }

  async #fetch(server: TokenServer, scopes: readonly string[]): Promise<{ value: string; lifetimeMs: number }> {
    const token = await fetchToken(server, scopes, await this.#getCredential(), this.#registry, this.#http)
    this.#secrets.add(token.value)
    return token
  }

  /** Another request may have fetched a new token already: that one is kept. */
  async #forget(sent: string | undefined): Promise<void> {
    for (const [key, token] of this.#tokens) {
      const value = await token.value.catch(() => undefined)
      if (sent === `Bearer ${value}` && this.#tokens.get(key) === token) this.#tokens.delete(key)
    }
  }
}

function extraScopesOf(method: Method | undefined): readonly string[] {
  return method?.type === 'bearer' ? method.extraScopes : []
}

/** The same scopes are one key, in whatever order they are asked for. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

import { DockerToolsError, type TransferError } from '#errors'
import { type HttpOptions, type HttpResponse, openUrl, redactUrl, type TlsOptions } from '#http'
import { findCredential } from './find-credential.ts'
import { findOrigin, isLoopback, secureOrigin } from './find-origin.ts'
import { readCertificates } from './read-certificates.ts'
import type { ImageReference } from './reference.ts'
import { RegistryAuthorizer } from './registry-authorizer.ts'
import { explainFailure, readReasons, type RegistryReason, statusFailure, type Subject } from './registry-error.ts'
import type { RegistryOptions } from './registry-options.ts'

/** A request to a registry, or to where it sent us for an upload. */
export interface RegistryRequest extends Pick<
  HttpOptions,
  'method' | 'headers' | 'body' | 'maxBytes' | 'offset' | 'allowStatus' | 'isImmutable' | 'patience'
> {
  /** Under `/v2/`, or a whole URL; only on the registry's own origin is it told who we are. */
  readonly path: string
  /** What a token has to allow, such as `repository:library/redis:pull`. */
  readonly scopes: readonly string[]
  /** What is asked for, for errors: `manifest "v1"`. */
  readonly what: string
}

/** An answer that is a failure. */
export interface RegistryFailure {
  readonly error: TransferError
  /** What the registry says, without secrets. */
  readonly reasons: readonly RegistryReason[]
}

/** A repository of a registry, talked to with the credentials of this user. */
export interface RegistryClient {
  readonly reference: ImageReference
  /**
   * Sends a request, and waits for the headers of an answer with status 2xx or one of `allowStatus`.
   *
   * Retries, redirects, challenges, tokens and reading on after a break happen inside; a body is opened anew for
   * each try.
   *
   * @throws {TransferError} `ACCESS_DENIED` (401, 403), `IMAGE_MISSING` (404), `TRANSFER_FAILED`.
   * @throws {DockerToolsError} as `openUrl`, and as the readers of credentials and certificates.
   */
  request(request: RegistryRequest): Promise<HttpResponse>
  /**
   * The URL that `Location` of an answer names.
   *
   * @throws {DockerToolsError} `FORMAT_INVALID` if it is no HTTP URL, or leads from https to http.
   */
  locationOf(response: HttpResponse): string
  /** The error for an answer whose status was allowed, and is none that can be used. Reads its body. */
  failureOf(response: HttpResponse, what: string): Promise<RegistryFailure>
  /** `error`, with what was going on and what can be done about it. */
  explain(error: unknown): unknown
}

/** Statuses that come with reasons in the body. The others (408, 425, 429, 5xx) are tried again instead. */
const FINAL_STATUSES: readonly number[] = Array.from({ length: 100 }, (_, index) => 400 + index).filter(
  (status) => ![408, 425, 429].includes(status),
)

interface Connection {
  readonly origin: string
  readonly http: HttpOptions
  readonly authorizer: RegistryAuthorizer
}

/**
 * Makes a client for the repository of `reference`. Nothing is sent before the first request.
 *
 * @param action What it is for, in errors.
 */
export function openRegistry(
  reference: ImageReference,
  action: Subject['action'],
  options: RegistryOptions = {},
): RegistryClient {
  const { registry, repository } = reference
  const subject: Subject = { action, name: `${registry}/${repository}`, registry }
  let connection: Promise<Connection> | undefined
  const connect = (): Promise<Connection> => (connection ??= openConnection(registry, repository, options))

  const failureOf = async (response: HttpResponse, what: string): Promise<RegistryFailure> => {
    const { authorizer } = await connect()
    const reasons = (await readReasons(response)).map(({ code, message }) => ({
      // A code is a word of the specification's kind; anything else may be what the registry was told.
      code: /^[A-Z][A-Z_]{0,63}$/.test(code) ? code : 'UNKNOWN',
      message: authorizer.redact(message),
    }))
    const answer = { status: response.status, url: redactUrl(response.url), reasons }
    return { reasons, error: statusFailure(subject, what, answer, await authorizer.hasCredential()) }
  }

  return {
    reference,
    failureOf,
    explain: (error) => explainFailure(error, subject),
    locationOf: (response) => locationOf(response, subject),
    async request({ path, scopes, what, ...asked }) {
      try {
        const { origin, http, authorizer } = await connect()
        const url = new URL(path, `${origin}/v2/`)
        const response = await openUrl(url.href, {
          ...http,
          ...asked,
          patience: { ...http.patience, ...asked.patience },
          allowStatus: [...FINAL_STATUSES, ...(asked.allowStatus ?? [])],
          ...(url.origin === origin ? { authorizer: authorizer.forScopes(scopes) } : {}),
        })
        const isGood = response.status >= 200 && response.status <= 299
        if (isGood || asked.allowStatus?.includes(response.status) === true) return response
        await using refused = response
        throw (await failureOf(refused, what)).error
      } catch (error) {
        throw explainFailure(error, subject)
      }
    },
  }
}

async function openConnection(registry: string, repository: string, options: RegistryOptions): Promise<Connection> {
  const environment = options.environment ?? process.env
  const isVerified = options.tlsVerify ?? true
  const certificates = await readCertificates(
    registry,
    secureOrigin(registry),
    options.certificatesDirectory,
    environment,
  )
  const tls: TlsOptions = { ...certificates, isVerified }
  const http: HttpOptions = {
    env: environment,
    tls,
    signal: options.signal,
    ...(options.patience === undefined ? {} : { patience: options.patience }),
  }
  const mayBePlain = !isVerified || isLoopback(registry)
  const authorizer = new RegistryAuthorizer(
    registry,
    () => findCredential(registry, repository, { environment, signal: options.signal }),
    http,
    mayBePlain,
  )
  const origin = mayBePlain
    ? await findOrigin(registry, http, (headers) => authorizer.learn(headers))
    : secureOrigin(registry)
  return { origin, http, authorizer }
}

function locationOf({ url: from, headers }: HttpResponse, { action, name }: Subject): string {
  const base = new URL(from)
  const url = headers['location'] === undefined ? null : URL.parse(headers['location'], base.href)
  const isHttp = url?.protocol === 'https:' || (url?.protocol === 'http:' && base.protocol === 'http:')
  if (url !== null && isHttp) return url.href
  throw new DockerToolsError(
    'FORMAT_INVALID',
    `Cannot ${action} "${name}": the registry names no place to upload to that could be used`,
  )
}

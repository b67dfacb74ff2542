import { DockerToolsError, IntegrityError, TransferError } from '#errors'
import { type HttpResponse, readResponse } from '#http'
import { isJsonArray, isJsonObject, type JsonValue, parseJson } from '#image'
import { isCertificateFailure, isPlainServer } from './find-origin.ts'

/** What was going on, for messages. */
export interface Subject {
  readonly action: 'pull' | 'push' | 'inspect'
  /** The image, or its repository. */
  readonly name: string
  readonly registry: string
}

/** One of the reasons that a registry gives. */
export interface RegistryReason {
  /** Such as `MANIFEST_UNKNOWN`. */
  readonly code: string
  readonly message: string
}

const MAX_ERROR_BYTES = 64 * 1024
const MAX_REASONS = 3
const MAX_REASON_LENGTH = 200

/** What a registry says about a request that it does not do. Without a sign of it the list is empty. */
export async function readReasons(response: HttpResponse): Promise<readonly RegistryReason[]> {
  let body: JsonValue
  try {
    const bytes = await readResponse(response, MAX_ERROR_BYTES)
    body = parseJson(Buffer.from(bytes).toString('utf8'), 'answer')
  } catch (error) {
    // The status has been seen: a body that is broken, no JSON or too long only tells less about it.
    if (error instanceof DockerToolsError && error.code !== 'INTERRUPTED') return []
    throw error
  }
  const errors = isJsonObject(body) ? body.get('errors') : undefined
  return (isJsonArray(errors) ? errors : []).slice(0, MAX_REASONS).map((error) => ({
    code: textOf(error, 'code').replaceAll(/[^\w-]/g, ''),
    message: textOf(error, 'message'),
  }))
}

/**
 * The error for an answer that is none.
 *
 * @param what What was asked for, such as `manifest "v1"`.
 * @param isLoggedIn Whether credentials were found for the registry.
 */
export function statusFailure(
  subject: Subject,
  what: string,
  answer: { readonly status: number; readonly url: string; readonly reasons: readonly RegistryReason[] },
  isLoggedIn: boolean,
): TransferError {
  const { status, reasons, url } = answer
  const said = reasons.map(({ code, message }) => `${code}${message === '' ? '' : ` (${message})`}`).join(', ')
  const details = said === '' ? `${status}` : `${status} ${said}`
  const start = `Cannot ${subject.action} "${subject.name}"`
  const isDenied = status === 401 || status === 403 || reasons.some(({ code }) => code === 'DENIED')
  if (isDenied) {
    return new TransferError(
      `${start}: registry "${subject.registry}" denies access to ${what}, it answered ${details}`,
      {
        code: 'ACCESS_DENIED',
        url,
        status,
        hint: isLoggedIn
          ? `The credentials for ${subject.registry} do not allow this, or there is no such repository`
          : `Log in, for example with docker login ${subject.registry}, or check the name: some registries answer so for what they do not have`,
      },
    )
  }
  if (status === 404) {
    return new TransferError(`${start}: registry "${subject.registry}" has no ${what}, it answered ${details}`, {
      code: 'IMAGE_MISSING',
      url,
      status,
      hint: 'Check the name of the repository, and the tag or digest',
    })
  }
  return new TransferError(
    `${start}: registry "${subject.registry}" does not answer for ${what}, it answered ${details}`,
    {
      url,
      status,
    },
  )
}

/**
 * `error` with what was going on, and with what can be done about it. Those that say it already are kept, and so are
 * those that have nothing to do with the registry.
 */
export function explainFailure(error: unknown, subject: Subject): unknown {
  if (!(error instanceof DockerToolsError) || error.code === 'INTERRUPTED' || error instanceof IntegrityError)
    return error
  if (error.message.includes(`"${subject.name}"`)) return error
  const start = `Cannot ${subject.action} "${subject.name}"`
  const better = error instanceof TransferError ? explainTls(error, start, subject) : undefined
  if (better !== undefined) return better
  const message = `${start}: ${error.message.replace(/^C/, 'c')}`
  if (!(error instanceof TransferError)) {
    const { code, hint } = error
    return new DockerToolsError(code, message, { cause: error, ...(hint === undefined ? {} : { hint }) })
  }
  const { code, url, status, hint = hintFor(error.status) } = error
  return new TransferError(message, { code, url, status, cause: error, ...(hint === undefined ? {} : { hint }) })
}

function explainTls(error: TransferError, start: string, { registry }: Subject): TransferError | undefined {
  const { url } = error
  if (isCertificateFailure(error)) {
    const reason = error.cause instanceof Error ? error.cause.message : 'unknown'
    return new TransferError(`${start}: the certificate of "${url}" is not trusted: ${reason}`, {
      url,
      cause: error,
      hint: `Put the certificate of its authority into /etc/docker/certs.d/${registry}/ca.crt, or name it in SSL_CERT_FILE; without checks: tlsVerify = false`,
    })
  }
  if (!isPlainServer(error)) return undefined
  return new TransferError(`${start}: "${url}" does not speak TLS, it should be reached by https`, {
    url,
    cause: error,
    hint: 'If it may be talked to unencrypted, say tlsVerify = false',
  })
}

function hintFor(status: number | undefined): string | undefined {
  return status === 429 ? 'The registry limits how much is asked of it: log in, or try later' : undefined
}

function textOf(value: JsonValue, name: string): string {
  const text = isJsonObject(value) ? value.get(name) : undefined
  if (typeof text !== 'string') return ''
  return text.replaceAll(/[^\P{C}]|[\p{Z}\s]+/gu, ' ').slice(0, MAX_REASON_LENGTH)
}

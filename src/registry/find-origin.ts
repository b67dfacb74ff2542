import { TransferError } from '#errors'
import { type HttpOptions, type HttpResponse, isLoopbackHost, openUrl } from '#http'
import { DOCKER_HUB } from './reference.ts'

/** Where Docker Hub's registry is. */
const HUB_HOST = 'registry-1.docker.io'
const ANY_STATUS: readonly number[] = Array.from({ length: 500 }, (_, index) => 100 + index)

/** The https origin of a registry. */
export function secureOrigin(registry: string): string {
  return new URL(`https://${registry === DOCKER_HUB ? HUB_HOST : registry}`).origin
}

/** Whether a registry is on this machine: what is said to it does not leave the machine. */
export function isLoopback(registry: string): boolean {
  return isLoopbackHost(new URL(`https://${registry}`).hostname)
}

/**
 * Where a registry is to be reached that may speak plain HTTP: https if it speaks TLS, http otherwise.
 *
 * A certificate that is not trusted is a failure, not a reason for plain HTTP.
 *
 * @param onAnswer Is told of the headers of the answer: there may be a challenge in it.
 * @throws {TransferError} If it cannot be reached either way.
 */
export async function findOrigin(
  registry: string,
  options: HttpOptions,
  onAnswer: (headers: Readonly<Record<string, string>>) => void,
): Promise<string> {
  const secure = secureOrigin(registry)
  const plain = secure.replace(/^https/, 'http').replace(/:443$/, '')
  const attempts = options.patience?.attempts ?? 3
  for (let attempt = 1; ; attempt++) {
    const tried = await tryOrigin(secure, options)
    if (!(tried instanceof TransferError)) {
      onAnswer(tried.headers)
      return secure
    }
    if (isCertificateFailure(tried)) throw tried
    const plainTried = await tryOrigin(plain, options)
    if (!(plainTried instanceof TransferError)) {
      onAnswer(plainTried.headers)
      return plain
    }
    // The reason of the second is the one that a plain registry would have.
    if (attempt >= attempts) throw plainTried
  }
}

/** An answer of any kind is one. */
async function tryOrigin(origin: string, options: HttpOptions): Promise<Pick<HttpResponse, 'headers'> | TransferError> {
  try {
    await using response = await openUrl(`${origin}/v2/`, {
      ...options,
      patience: { ...options.patience, attempts: 1 },
      allowStatus: ANY_STATUS,
    })
    return { headers: response.headers }
  } catch (error) {
    if (error instanceof TransferError) return error
    throw error
  }
}

/** Whether a server was reached, and is not who it should be. */
export function isCertificateFailure(error: TransferError): boolean {
  const code = failureCode(error)
  return /CERT|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|CRL/.test(code)
}

/** Whether a server was reached that does not speak TLS. */
export function isPlainServer(error: TransferError): boolean {
  return (
    /^(?:EPROTO|ERR_SSL_)/.test(failureCode(error)) &&
    /wrong version number|packet length too long|record/i.test(String(error.cause))
  )
}

function failureCode({ cause }: TransferError): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
}

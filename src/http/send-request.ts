import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { agentFor } from './http-agents.ts'
import type { Environment, HttpMethod, RequestBody, TlsOptions } from './http-options.ts'
import { sendBody } from './send-body.ts'
import { StallError } from './transfer-errors.ts'

/** One request, ready to be sent. */
export interface Outgoing {
  readonly url: URL
  readonly method: HttpMethod
  readonly headers: Readonly<Record<string, string>>
  readonly body: RequestBody | undefined
  readonly stallMs: number
  readonly signal: AbortSignal | undefined
  readonly env: Environment
  readonly tls: TlsOptions | undefined
}

/** The answer to one request. Its body has to be read or `discard`ed. */
export interface Incoming {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly message: IncomingMessage
}

/** All headers of an answer together. */
const MAX_HEADER_BYTES = 64 * 1024

/**
 * Sends one request over a kept connection or a new one, and waits for the
 * headers of the answer. Follows and retries nothing.
 *
 * @throws What node:http throws, `StallError` after `stallMs` in which nothing went out or came in, or what the
 *   body's source throws.
 */
export async function sendRequest(outgoing: Outgoing): Promise<Incoming> {
  const { url, signal, body, tls } = outgoing
  signal?.throwIfAborted()
  const { request } =
    url.protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')
  const options: RequestOptions = {
    method: outgoing.method,
    headers: {
      ...outgoing.headers,
      ...lengthHeader(outgoing.method, body),
      ...(url.username === '' ? {} : basicAuthorization(url)),
    },
    agent: agentFor(url, outgoing.env, tls),
    maxHeaderSize: MAX_HEADER_BYTES,
    ...(signal === undefined ? {} : { signal }),
  }
  const bare = new URL(url)
  bare.username = ''
  bare.password = ''
  const sent = request(bare, options)
  const message = await answerOf(sent, outgoing)
  return { status: message.statusCode ?? 0, headers: plainHeaders(message), message }
}

function answerOf(sent: ClientRequest, { body, stallMs }: Outgoing): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const clock = {
      stop: () => clearTimeout(timer),
      start: () => {
        clearTimeout(timer)
        timer = setTimeout(() => sent.destroy(new StallError(`no answer for ${stallMs} ms`)), stallMs)
      },
    }
    let isAnswered = false
    sent.on('response', (message) => {
      isAnswered = true
      clock.stop()
      // A body that breaks before anybody reads it: its reader will be told.
      message.on('error', () => {})
      // A server that answers before it has read everything wants no more; the connection is of no use then.
      if (!sent.writableEnded) message.once('close', () => sent.destroy())
      resolve(message)
    })
    sent.on('error', (error) => {
      clock.stop()
      reject(error)
    })
    clock.start()
    if (body === undefined) sent.end()
    else void sendBody(sent, body, clock, () => isAnswered)
  })
}

/** A server may insist on the length of an empty body. */
function lengthHeader(method: HttpMethod, body: RequestBody | undefined): Readonly<Record<string, string>> {
  if (body === undefined)
    return method === 'POST' || method === 'PUT' || method === 'PATCH' ? { 'content-length': '0' } : {}
  return body.size === undefined ? {} : { 'content-length': `${body.size}` }
}

function basicAuthorization(url: URL): { authorization: string } {
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return { authorization: `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}` }
}

function plainHeaders(message: IncomingMessage): Readonly<Record<string, string>> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { httpAgents } from './http-agents.ts'
import type { Environment } from './http-options.ts'
import { StallError } from './transfer-errors.ts'

/** One request, ready to be sent. */
export interface Outgoing {
  readonly url: URL
  readonly method: 'GET' | 'HEAD'
  readonly headers: Readonly<Record<string, string>>
  readonly stallMs: number
  readonly signal: AbortSignal | undefined
  readonly env: Environment
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
 * @throws What node:http throws, or `StallError` after `stallMs` without an answer.
 */
export async function sendRequest(outgoing: Outgoing): Promise<Incoming> {
  const { url, signal, stallMs } = outgoing
  signal?.throwIfAborted()
  const agents = await httpAgents(outgoing.env)
  const isTls = url.protocol === 'https:'
  const { request } = isTls ? await import('node:https') : await import('node:http')
  const options: RequestOptions = {
    method: outgoing.method,
    headers: { ...outgoing.headers, ...(url.username === '' ? {} : basicAuthorization(url)) },
    agent: isTls ? agents.https : agents.http,
    maxHeaderSize: MAX_HEADER_BYTES,
    ...(signal === undefined ? {} : { signal }),
  }
  const bare = new URL(url)
  bare.username = ''
  bare.password = ''
  const sent = request(bare, options)
  const message = await answerOf(sent, stallMs)
  return { status: message.statusCode ?? 0, headers: plainHeaders(message), message }
}

function answerOf(sent: ClientRequest, stallMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => sent.destroy(new StallError(`no answer for ${stallMs} ms`)), stallMs)
    sent.on('response', (message) => {
      clearTimeout(timer)
      // A body that breaks before anybody reads it: its reader will be told.
      message.on('error', () => {})
      resolve(message)
    })
    sent.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    sent.end()
  })
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

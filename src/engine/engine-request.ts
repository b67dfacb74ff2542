import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { DockerToolsError } from '#errors'
import type { EngineEndpoint } from './engine-endpoint.ts'

/** A request to an engine. */
export interface EngineRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Sent as it comes, chunk by chunk, each only after the one before was taken. */
  readonly body?: AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal | undefined
  /** Milliseconds without a byte in either direction after which the engine is given up. */
  readonly silenceMs: number
}

/** After the engine has stopped to read, its answer may still be on the way. */
const LATE_ANSWER_MS = 2000

/**
 * Sends one request and waits for the headers of the answer. Nothing is tried
 * twice: what a load has begun is not known.
 *
 * @throws What the body throws; what node:http throws where there is no answer.
 */
export async function requestEngine(endpoint: EngineEndpoint, outgoing: EngineRequest): Promise<IncomingMessage> {
  const { connection } = endpoint
  const isTls = connection.kind === 'tcp' && connection.tls !== undefined
  const { request } = isTls ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')
  const sent = request({ ...optionsFor(endpoint, outgoing), agent: false })
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    sent.on('response', resolve)
    sent.on('error', reject)
    sent.on('close', () => reject(new Error('the connection was closed without an answer')))
  })
  // Its failure is looked at below, maybe later.
  answer.catch(() => undefined)
  sent.setTimeout(outgoing.silenceMs, () => {
    sent.destroy(new Error(`no byte for ${outgoing.silenceMs / 1000} seconds`))
  })
  try {
    if (outgoing.body !== undefined) await sendBody(sent, outgoing.body, answer)
    sent.end()
    return await answer
  } catch (error) {
    sent.destroy()
    throw error
  }
}

function optionsFor({ connection }: EngineEndpoint, { method, path, body, signal }: EngineRequest): RequestOptions {
  const headers = body === undefined ? {} : { 'content-type': 'application/x-tar', 'transfer-encoding': 'chunked' }
  const common = { method, path, headers, ...(signal === undefined ? {} : { signal }) }
  if (connection.kind === 'unix') return { ...common, socketPath: connection.socketPath, host: 'localhost' }
  const { host, port, tls } = connection
  const certificates = Object.fromEntries(Object.entries(tls ?? {}).filter(([, text]) => text !== undefined))
  return { ...common, host, port, ...certificates }
}

/** An engine that answers before the end has found a mistake: nothing more is sent, its answer says which. */
async function sendBody(
  sent: ClientRequest,
  body: AsyncIterable<Uint8Array>,
  answer: Promise<IncomingMessage>,
): Promise<void> {
  let isAnswered = false
  answer.then(
    () => (isAnswered = true),
    () => (isAnswered = true),
  )
  for await (const chunk of body) {
    const failure = await written(sent, chunk)
    if (failure === undefined && !isAnswered) continue
    await Promise.race([answer, rejectLater(failure)])
    return
  }
}

function written(sent: ClientRequest, chunk: Uint8Array): Promise<Error | undefined> {
  return new Promise((resolve) => {
    sent.once('close', done)
    sent.write(chunk, (error) => done(error ?? undefined))
    function done(error?: Error): void {
      sent.off('close', done)
      resolve(error)
    }
  })
}

function rejectLater(failure: Error | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(
      () => reject(failure ?? new DockerToolsError('INTERNAL', 'Cannot send to an engine')),
      LATE_ANSWER_MS,
    )
    timer.unref()
  })
}

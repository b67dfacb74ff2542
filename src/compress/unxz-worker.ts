import { ReadableStream } from 'node:stream/web'
import { parentPort } from 'node:worker_threads'
import xzDecompress from 'xz-decompress'

/** What the thread is told. Every `want-input` is answered once, every `output` is acknowledged. */
export type XzWorkerRequest =
  | { readonly type: 'input'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'taken' }

export type XzWorkerReply =
  | { readonly type: 'want-input' }
  | { readonly type: 'output'; readonly bytes: Uint8Array }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly message: string }

/** Outputs of 64 KiB that may be on their way before the reader has taken one. */
const OUTPUTS_IN_FLIGHT = 16

let outputsInFlight = 0
let onInput: (bytes: Uint8Array | undefined) => void = () => {}
let onTaken: () => void = () => {}

parentPort?.on('message', (request: XzWorkerRequest) => {
  if (request.type === 'taken') {
    outputsInFlight--
    onTaken()
  } else {
    onInput(request.type === 'end' ? undefined : request.bytes)
  }
})

const compressed = new ReadableStream<Uint8Array>(
  {
    async pull(controller) {
      const bytes = await new Promise<Uint8Array | undefined>((resolve) => {
        onInput = resolve
        reply({ type: 'want-input' })
      })
      if (bytes === undefined) controller.close()
      else controller.enqueue(bytes)
    },
  },
  { highWaterMark: 1 },
)

try {
  for await (const bytes of new xzDecompress.XzReadableStream(compressed)) {
    if (bytes.length === 0) continue
    outputsInFlight++
    reply({ type: 'output', bytes })
    // Every acknowledgement makes room for one more.
    if (outputsInFlight === OUTPUTS_IN_FLIGHT) await acknowledgement()
  }
  reply({ type: 'done' })
} catch (error) {
  reply({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
}

function acknowledgement(): Promise<void> {
  return new Promise((resolve) => {
    onTaken = resolve
  })
}

function reply(message: XzWorkerReply): void {
  parentPort?.postMessage(message, [])
}

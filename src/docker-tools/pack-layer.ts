import { DockerToolsError } from '#errors'
import type { Digest } from '#image'
import type { UploadAhead } from '#registry'
import { type ByteSink, copyTo, iterateWrites } from '#util'
import type { BlobDraft, KeptBlob } from './kept-blob.ts'

/** A layer that was compressed, and may be on its way. */
export interface PackedLayer extends AsyncDisposable {
  /** Of the plain tar. */
  readonly diffId: Digest
  readonly kept: KeptBlob
  readonly ahead: UploadAhead | undefined
}

/** What a layer is compressed with. */
export interface Packing {
  draft(): Promise<BlobDraft>
  /** Begins to send what is written to the draft, where it may be. */
  ahead(draft: BlobDraft): Promise<UploadAhead | undefined>
  compress(plain: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>
  /** Writes the plain tar, and gives its digest. */
  write(sink: ByteSink): Promise<Digest>
  /** Called when the plain tar has been read. */
  onRead(): void
  /** Stops it. */
  readonly signal: AbortSignal
  /** Stops all other work. */
  fail(error: unknown): void
}

/** Compresses a layer into a draft, which is sent while it grows where that is possible. */
export async function packLayer(packing: Packing): Promise<PackedLayer> {
  const { signal } = packing
  await using stack = new AsyncDisposableStack()
  const draft = stack.use(await packing.draft())
  let kept: KeptBlob | undefined
  stack.defer(async () => kept?.[Symbol.asyncDispose]())
  const ahead = await packing.ahead(draft)
  // It reads what the draft holds, so it ends first.
  if (ahead !== undefined) stack.use(ahead)
  stack.defer(() => draft.giveUp())
  let diffId: Digest | undefined
  try {
    const plain = iterateWrites(async (sink) => {
      diffId = await packing.write(sink)
    })
    await copyTo(packing.compress(stoppable(plain, signal, () => packing.onRead())), draft)
    kept = await draft.finish()
  } catch (error) {
    // Before anybody waits for what is being sent.
    packing.fail(error)
    throw error
  }
  if (diffId === undefined) throw new DockerToolsError('INTERNAL', 'Cannot compress a layer: nobody has written it')
  const owner = stack.move()
  return { diffId, kept, ahead, [Symbol.asyncDispose]: () => owner.disposeAsync() }
}

async function* stoppable(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  onEnd: () => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    signal.throwIfAborted()
    yield chunk
  }
  onEnd()
}

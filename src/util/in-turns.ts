const READ_BYTES = 256 * 1024

/**
 * Reads `size` bytes from `offset` on through two buffers in turns: new ones would pile up before they are
 * collected. Whoever is given a chunk is done with it when he asks for the one after the next.
 */
export async function* inTurns(
  offset: number,
  size: number,
  read: (target: Uint8Array, position: number) => Promise<number> | number,
): AsyncGenerator<Uint8Array> {
  const length = Math.min(READ_BYTES, Math.max(0, size - offset))
  let [buffer, other] = [Buffer.allocUnsafeSlow(length), Buffer.allocUnsafeSlow(length)]
  for (let position = offset; position < size;) {
    const bytes = await read(buffer.subarray(0, size - position), position)
    if (bytes === 0) return
    position += bytes
    yield buffer.subarray(0, bytes)
    ;[buffer, other] = [other, buffer]
  }
}

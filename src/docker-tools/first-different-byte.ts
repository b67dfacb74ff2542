/** Where two streams begin to differ, counted from 0; undefined where they are the same. */
export async function firstDifferentByte(
  before: AsyncIterable<Uint8Array>,
  after: AsyncIterable<Uint8Array>,
): Promise<number | undefined> {
  const rest = after[Symbol.asyncIterator]()
  let offset = 0
  let pending: Uint8Array = new Uint8Array()
  try {
    for await (const chunk of before) {
      for (let done = 0; done < chunk.length;) {
        if (pending.length === 0) {
          const next = await rest.next()
          if (next.done === true) return offset
          pending = next.value
          continue
        }
        const length = Math.min(chunk.length - done, pending.length)
        const [left, right] = [chunk.subarray(done, done + length), pending.subarray(0, length)]
        if (Buffer.compare(left, right) !== 0) return offset + left.findIndex((byte, index) => byte !== right[index])
        done += length
        offset += length
        pending = pending.subarray(length)
      }
    }
    for (; pending.length === 0;) {
      const next = await rest.next()
      if (next.done === true) return undefined
      pending = next.value
    }
    return offset
  } finally {
    await rest.return?.()
  }
}

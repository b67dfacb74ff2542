/** Does the work for each key once. Who asks meanwhile waits for the same result; a failure is everybody's. */
export class OnceMap<Key, Result> {
  readonly #results = new Map<Key, Promise<Result>>()

  async get(key: Key, work: () => Promise<Result>): Promise<Result> {
    const known = this.#results.get(key)
    if (known !== undefined) return await known
    const result = start(work)
    this.#results.set(key, result)
    return await result
  }
}

/** Later, so that values nested ten thousand deep do not need as deep a stack. */
async function start<Result>(work: () => Promise<Result>): Promise<Result> {
  await Promise.resolve()
  return await work()
}

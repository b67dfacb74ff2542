/** Remembers answers, and lets those who ask while an answer is on its way wait for the same one. */
export class LookupCache<Key, Value> {
  readonly #answers = new Map<Key, Promise<Value>>()
  readonly #ask: (key: Key) => Promise<Value>

  constructor(ask: (key: Key) => Promise<Value>) {
    this.#ask = ask
  }

  /** A failure is not remembered: the next one asks again. */
  async get(key: Key): Promise<Value> {
    const known = this.#answers.get(key)
    if (known !== undefined) return known
    const answer = this.#ask(key)
    this.#answers.set(key, answer)
    try {
      return await answer
    } catch (error) {
      this.#answers.delete(key)
      throw error
    }
  }
}

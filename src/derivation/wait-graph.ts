import { AsyncLocalStorage } from 'node:async_hooks'
import { DockerToolsError } from '#errors'

/** Something that is waited for; each is one by its identity, the name is for messages. */
export interface NamedTask {
  readonly name: string
}

/**
 * Knows who waits for whom, so that those who would wait for each other for
 * ever are told instead.
 */
export class WaitGraph {
  readonly #current = new AsyncLocalStorage<NamedTask>()
  /** How often each waits for each other at the moment. */
  readonly #waits = new Map<NamedTask, Map<NamedTask, number>>()

  /**
   * Waits for `work`, which belongs to `target`.
   *
   * @throws {DockerToolsError} `DEFINITION_INVALID` if `target` waits for who asks now.
   */
  async waitFor<Result>(target: NamedTask, work: () => Promise<Result>): Promise<Result> {
    const asking = this.#current.getStore()
    if (asking === undefined) return await this.#current.run(target, work)
    if (this.#reaches(target, asking)) throw circular(asking, target)
    const waits = this.#waits.get(asking) ?? new Map<NamedTask, number>()
    this.#waits.set(asking, waits)
    waits.set(target, (waits.get(target) ?? 0) + 1)
    try {
      return await this.#current.run(target, work)
    } finally {
      const count = waits.get(target)! - 1
      if (count === 0) waits.delete(target)
      else waits.set(target, count)
      if (waits.size === 0) this.#waits.delete(asking)
    }
  }

  #reaches(from: NamedTask, to: NamedTask): boolean {
    const seen = new Set<NamedTask>([from])
    for (const node of seen) {
      if (node === to) return true
      for (const next of this.#waits.get(node)?.keys() ?? []) seen.add(next)
    }
    return false
  }
}

function circular(asking: NamedTask, target: NamedTask): DockerToolsError {
  return new DockerToolsError(
    'DEFINITION_INVALID',
    `Cannot make "${asking.name}": it and "${target.name}" need each other in a circle, they should not`,
  )
}

import { setTimeout as sleep } from 'node:timers/promises'

const INTERVAL_MS = 50
const ATTEMPTS = 1200

/** Asks again and again until the answer is there, for about a minute. */
export async function until<Answer>(what: string, ask: () => Promise<Answer | undefined>): Promise<Answer> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await sleep(INTERVAL_MS)
  }
  throw new Error(`Gave up waiting for ${what}`)
}

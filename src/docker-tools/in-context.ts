import { withReporter } from '#events'
import { type BuildContext, openContext } from './build-context.ts'
import { checkOptions } from './check-options.ts'
import { interruptible } from './interruptible.ts'
import type { BuildOptions } from './recipe.ts'

/** Does work with what the options say opened, and closes it afterwards. What happens is reported as they say. */
export async function inContext<T>(options: BuildOptions, use: (context: BuildContext) => Promise<T>): Promise<T> {
  checkOptions(options)
  return await withReporter(options.onEvent, () =>
    interruptible(options.signal, async () => {
      await using context = await openContext(options)
      return await use(context)
    }),
  )
}

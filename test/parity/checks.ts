import type { Checks } from './check.ts'
import { ENGINE_CHECKS } from './engine-checks.ts'
import { IMAGE_CHECKS } from './image-checks.ts'
import { LAYER_CHECKS } from './layer-checks.ts'
import { SHELL_CHECKS } from './shell-checks.ts'

/** How each assertion of upstream's tests is shown to hold. */
export const CHECKS: Checks = { ...IMAGE_CHECKS, ...LAYER_CHECKS, ...SHELL_CHECKS, ...ENGINE_CHECKS }

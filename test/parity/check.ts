import type { Lab } from './lab.ts'

/** Shows in a lab that an assertion of upstream's tests holds. */
export type Check = (lab: Lab) => Promise<void>

/** Checks by the assertion's number. */
export type Checks = Readonly<Record<string, Check>>

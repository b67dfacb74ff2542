import { type Built, hostProgram } from 'dockertools'

export const chown: Built = hostProgram('/bin/chown', { name: 'chown' })

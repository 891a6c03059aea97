import { openHouses } from './house.ts'
import { invariantsInStorm } from './invariantsInStorm.ts'

const { open } = openHouses()

invariantsInStorm('memory', (now) => open({ store: 'memory', now }), 1_000)
invariantsInStorm('sqlite', (now) => open({ store: 'sqlite', now }), 500)

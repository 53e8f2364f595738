import { median, printTable } from './bench'
import { sumOf } from './cpu'
import type { Compared } from './load'
import { callsOf, mostPlans, type Statement } from './statements'
import type { Workload } from './workloads'

/** A round counts only if nothing slowed the machine down: the ceiling then reaches this share of its best round. */
const CALM = 0.8
const ENOUGH_ROUNDS = 5
const MOST_PLANS = 0.01

/** `statements` are the hot ones of a round of their own; empty if PostgreSQL cannot count them. */
export type Result = Compared & { statements: Statement[]; counted: number }

type Line = { what: string; found: number; target: number; kind: 'at most' | 'at least'; must: boolean }
export type Standing = { workload: string; calm: number; of: number; lines: Line[] }

/** What was found beside each target of a workload, from the calm rounds alone. */
export function standingOf({ name, targets }: Workload, results: Record<string, Result>): Standing {
  const { API: api, ceiling, peer } = results as Record<'API' | 'ceiling' | 'peer', Result>
  const best = Math.max(...ceiling.rounds.map(({ perSecond }) => perSecond))
  const rounds = ceiling.rounds.flatMap(({ perSecond }, i) => (perSecond >= CALM * best ? [i] : []))
  const standing: Standing = { workload: name, calm: rounds.length, of: ceiling.rounds.length, lines: [] }
  if (!targets) return standing
  const { must, aim, statements = [], planned } = targets
  const cpu = ({ rounds: all }: Result) => median(rounds.map((i) => sumOf(all[i]!.cpu)))
  const pace = (other: Result) => median(rounds.map((i) => api.rounds[i]!.perSecond / other.rounds[i]!.perSecond))
  standing.lines = [
    { what: 'CPU ÷ ceiling', found: cpu(api) / cpu(ceiling), target: must.cpu, kind: 'at most', must: true },
    { what: 'req/s ÷ ceiling', found: pace(ceiling), target: must.pace, kind: 'at least', must: true },
    { what: 'req/s ÷ ceiling', found: pace(ceiling), target: aim.pace, kind: 'at least', must: false },
    { what: 'req/s ÷ peer', found: pace(peer), target: aim.peer, kind: 'at least', must: false },
  ]
  if (api.counted === 0) return standing
  if (planned)
    standing.lines.push({
      what: 'plans a call',
      found: mostPlans(api.statements),
      target: MOST_PLANS,
      kind: 'at most',
      must: true,
    })
  for (const { what, matching, atMost } of statements)
    standing.lines.push({
      what: `statements a request: ${what}`,
      found: callsOf(api.statements, matching) / api.counted,
      target: atMost,
      kind: 'at most',
      must: true,
    })
  return standing
}

const holds = ({ found, target, kind }: Line) => (kind === 'at most' ? found <= target : found >= target)

/** All targets with what was found, then in one line which that must hold do not. */
export function printTargets(standings: Standing[]): void {
  const all = standings.flatMap(({ workload, lines }) => lines.map((line) => ({ workload, ...line })))
  if (all.length === 0) return
  printTable(
    ['targets', '', 'found', 'must', 'aim', ''],
    all.map((line) => [
      line.workload,
      line.what,
      line.found.toFixed(line.found < 0.1 ? 3 : 2),
      line.must ? `${SIGNS[line.kind]} ${line.target}` : '',
      line.must ? '' : `${SIGNS[line.kind]} ${line.target}`,
      holds(line) ? 'holds' : '-',
    ]),
  )
  const few = standings.filter(({ calm }) => calm < ENOUGH_ROUNDS)
  for (const { workload, calm, of } of few)
    console.log(`  ${workload}: ${calm} of ${of} rounds were calm; req/s needs ${ENOUGH_ROUNDS} (--rounds)`)
  const musts = all.filter(({ must }) => must)
  const missed = musts.filter((line) => !holds(line)).map(({ workload, what }) => `${workload} ${what}`)
  console.log(
    `  must: ${musts.length - missed.length} of ${musts.length} hold${missed.length ? `; not ${missed.join(', ')}` : ''}`,
  )
}

const SIGNS = { 'at most': '≤', 'at least': '≥' }

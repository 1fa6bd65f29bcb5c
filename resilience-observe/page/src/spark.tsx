// The last minutes in a cell: calls by what became of them, and below them the state.
import type { Kind, Policy, State } from './model';
import { type Range, seconds } from './route';
import { useSeries } from './series';
import { now } from './store';

const BARS = 60;
const [WIDTH, HEIGHT, STRIP] = [180, 26, 4];

/** What stands for good, bad and turned away. */
const PARTS: Record<Kind, { all: string; bad: string; turned: string }> = {
    circuit_breaker: { all: 'calls', bad: 'failures', turned: 'rejected' },
    retry: { all: 'retries', bad: '', turned: '' },
    timeout: { all: '', bad: 'timed_out', turned: '' },
    bulkhead: { all: 'admitted', bad: '', turned: 'rejected' },
    rate_limit: { all: 'allowed', bad: '', turned: 'rejected' },
};

type Bar = { ok: number; failed: number; rejected: number; seconds: number; state: State | null };

const WORST: readonly (State | null)[] = [null, 'closed', 'monitoring', 'disabled', 'half_open', 'open', 'forced_open'];

export function Spark({ policy, range }: { policy: Policy; range: Range }) {
    const series = useSeries(policy, range);
    const width = seconds.value / BARS;
    // Bars stand on whole multiples, so that they move to the left and do not boil.
    const end = Math.ceil(now.value / 1000 / width) * width;
    const bars: Bar[] = Array.from({ length: BARS }, () => ({ ok: 0, failed: 0, rejected: 0, seconds: 0, state: null }));
    for (let nth = series.t.length - 1; nth >= 0; nth -= 1) {
        const bar = bars[Math.floor((series.t[nth]! - end) / width) + BARS];
        if (!bar) {
            if (series.t[nth]! < end) break;
            continue;
        }
        const { all, bad, turned } = PARTS[policy.kind];
        const [failed, rejected] = [series.of[bad]?.[nth] ?? 0, series.of[turned]?.[nth] ?? 0];
        bar.ok += Math.max(0, (series.of[all]?.[nth] ?? 0) - (policy.kind === 'circuit_breaker' ? failed + rejected : 0));
        bar.failed += failed;
        bar.rejected += rejected;
        bar.seconds += 1;
        const state = series.state[nth] ?? null;
        if (WORST.indexOf(state) > WORST.indexOf(bar.state)) bar.state = state;
    }
    // The last one is not over yet, so each is a mean.
    for (const bar of bars) for (const part of ['ok', 'failed', 'rejected'] as const) bar[part] /= bar.seconds || 1;
    const most = Math.max(0.1, ...bars.map(({ ok, failed, rejected }) => ok + failed + rejected));
    const [ok, failed, rejected]: [string[], string[], string[]] = [[], [], []];
    const strips: Partial<Record<State, string>> = {};
    bars.forEach((bar, nth) => {
        const x = (nth * WIDTH) / BARS;
        let y = HEIGHT;
        for (const [path, value] of [[ok, bar.ok], [failed, bar.failed], [rejected, bar.rejected]] as const) {
            if (value <= 0) continue;
            const height = Math.max(0.7, (value / most) * HEIGHT);
            path.push(`M${x} ${(y - height).toFixed(1)}h2.4v${height.toFixed(1)}h-2.4z`);
            y -= height;
        }
        if (bar.state !== null) strips[bar.state] = `${strips[bar.state] ?? ''}M${x} ${HEIGHT + 1}h3v${STRIP - 1}h-3z`;
    });
    return (
        <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT + STRIP}`} preserveAspectRatio="none" aria-hidden="true">
            <path class="ok" d={ok.join('')} />
            <path class="failed" d={failed.join('')} />
            <path class="rejected" d={rejected.join('')} />
            {Object.entries(strips).map(([state, path]) => <path key={state} class={`strip ${state}`} d={path} />)}
        </svg>
    );
}

// The past of a policy: asked for once, and then continued by what the stream says each second.
import { type Signal, effect, signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { below, get } from './api';
import { type Id, idOf } from './model';
import { RANGES, type Range } from './route';
import { connection, now, policies, tick } from './store';
import { type History, type Series, continued, nothing, series as made } from './wire';

interface Watched {
    id: Id;
    range: Range;
    value: Signal<Series>;
    users: number;
    loadedAt: number;
}

const STEPS: Record<Range, number> = { '5m': 1, '1h': 10, '12h': 60 };
const watched = new Map<string, Watched>();

/** So many are asked for at once; the rest waits its turn. */
const AT_ONCE = 4;
let asking = 0;
const queue: Watched[] = [];

function load(one: Watched): void {
    if (!queue.includes(one)) queue.push(one);
    next();
}

function next(): void {
    while (asking < AT_ONCE) {
        const one = queue.shift();
        if (!one) return;
        if (one.users === 0) continue;
        asking += 1;
        one.loadedAt = Date.now();
        get<History>(below(one.id, `/history?step=${STEPS[one.range]}`))
            .then((history) => (one.value.value = made(history)))
            // Without a past, the present is drawn.
            .catch(() => undefined)
            .finally(() => {
                asking -= 1;
                next();
            });
    }
}

function follow(): void {
    tick.value;
    const t = Math.floor(now.peek() / 1000);
    for (const one of watched.values()) {
        if (one.range !== '5m') {
            if (Date.now() - one.loadedAt > STEPS[one.range] * 1000) load(one);
            continue;
        }
        const policy = policies.peek().get(idOf(one.id))?.peek();
        if (policy) one.value.value = continued(one.value.peek(), t, policy, RANGES[one.range]);
    }
}
effect(follow);

// Whatever was missed while nothing was heard is asked for anew.
let wasLive = false;
effect(() => {
    const isLive = connection.value.is === 'live';
    if (isLive && !wasLive) watched.forEach(load);
    wasLive = isLive;
});

export function useSeries(id: Id, range: Range): Series {
    const key = `${range} ${idOf(id)}`;
    const [, redraw] = useState(0);
    useEffect(() => {
        let one = watched.get(key);
        if (!one) {
            one = { id, range, value: signal(nothing(STEPS[range])), users: 0, loadedAt: 0 };
            watched.set(key, one);
        }
        one.users += 1;
        load(one);
        redraw((times) => times + 1);
        return () => {
            one.users -= 1;
            if (one.users === 0) watched.delete(key);
        };
    }, [key]);
    return watched.get(key)?.value.value ?? nothing(STEPS[range]);
}

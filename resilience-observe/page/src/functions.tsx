// Guarded functions as chains of their policies, outermost first.
import { signal } from '@preact/signals';
import { rate } from './format';
import { KINDS, STATES, idOf, isKind, severity } from './model';
import { filter, why } from './policies';
import { link } from './route';
import { Shape } from './shape';
import { type Layer, type Operation, now, operations, policies } from './store';

/** The policy that is pointed at: it lights up wherever it is. */
const pointed = signal<string | null>(null);

const id = ({ kind, policy }: Layer): string => `${kind}/${policy ?? ''}`;

export function Functions() {
    const words = filter.value.trim().toLowerCase();
    const found = operations.value
        .filter(({ name, layers }) => `${name} ${layers.map(({ policy }) => policy).join(' ')}`.toLowerCase().includes(words))
        .sort((a, b) => worst(a) - worst(b) || (a.name < b.name ? -1 : 1));
    return (
        <section class="functions">
            <h2 class="unseen">Functions</h2>
            <p class="hint">A call goes through the policies from left to right. A policy with a thick edge is one for several functions.</p>
            {found.length === 0 && <p class="none">{words ? 'No function matches the filter.' : 'No function of this program has a policy.'}</p>}
            <ul>
                {found.slice(0, 100).map((operation) => (
                    <li key={operation.name}>
                        <div class="function"><code>{operation.name}</code> <span class="place">{operation.file}:{operation.line}</span></div>
                        <ol class="chain">
                            {chain(operation).map((layer, nth) => (
                                <li key={nth}>{layer.kind === 'fallback' ? <Fallback operation={operation} layer={layer} /> : <Link layer={layer} />}</li>
                            ))}
                        </ol>
                    </li>
                ))}
            </ul>
            {found.length > 100 && <p class="none">{found.length - 100} more are found by the filter</p>}
        </section>
    );
}

/** A fallback answers at the end, wherever its attribute stands. */
const chain = ({ layers }: Operation): Layer[] =>
    [...layers.filter(({ kind }) => kind !== 'fallback'), ...layers.filter(({ kind }) => kind === 'fallback')];

function worst({ layers }: Operation): number {
    return Math.min(9, ...layers.map((layer) => {
        const policy = policies.value.get(id(layer))?.value;
        return policy ? severity(policy) : 9;
    }));
}

function Link({ layer: { kind, policy: name, shared_by, text } }: { layer: Layer }) {
    if (!isKind(kind) || name === null) return <span class="link">{kind.replaceAll('_', ' ')}</span>;
    const key = idOf({ kind, name });
    const policy = policies.value.get(key)?.value;
    return (
        <a
            class={`link${shared_by > 1 ? ' shared' : ''}${pointed.value === key ? ' pointed' : ''}${policy ? ` severity-${severity(policy)}` : ''}`}
            href={link({ open: { kind, name }, at: null })} title={[text, policy && why(policy, now.value)].filter(Boolean).join('\n')}
            onPointerEnter={() => (pointed.value = key)} onPointerLeave={() => (pointed.value = null)}
            onFocus={() => (pointed.value = key)} onBlur={() => (pointed.value = null)}
        >
            <span class="kind">{KINDS[kind]}</span> <span class="of">{name}</span>
            {policy?.state && <span class={`state ${policy.state}`}><Shape state={policy.state} /> {STATES[policy.state]}</span>}
            {policy && policy.state === null && <span class="words">{policy.words}</span>}
        </a>
    );
}

function Fallback({ operation, layer }: { operation: Operation; layer: Layer }) {
    return (
        <span class={`link fallback${operation.perSecond > 0 ? ' answers' : ''}`}>
            <span class="kind">fallback</span> <code>{layer.text.replace(/^fallback\((.*)\)$/, '$1')}</code>
            <span class="words">
                {operation.perSecond > 0 ? `answers ${rate(operation.perSecond)}/s` : 'not needed now'}
                {operation.failedPerSecond > 0 && <b class="failing">, {rate(operation.failedPerSecond)}/s fail</b>}
            </span>
        </span>
    );
}

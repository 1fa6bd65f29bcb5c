// What is not as it should be, the worst first: what a load balancer is told at `health/ready`.
import { KINDS, isKind } from './model';
import { link } from './route';
import { health } from './store';

const MEANS = {
    up: 'Nothing is wrong. The program answers 200 at health/ready.',
    degraded: 'Something is wrong, and the program does its work without it. It answers 200 at health/ready.',
    down: 'Something critical is wrong. The program answers 503 at health/ready, so that it is sent no traffic.',
};

export function Health() {
    const said = health.value;
    if (said === null) return <p class="none">Nothing is known yet.</p>;
    return (
        <section class="health">
            <h2 class={`status ${said.status}`}><Dot status={said.status} /> {said.status}</h2>
            <p>{MEANS[said.status]}</p>
            <ul>
                {said.reasons.slice(0, 100).map(({ status, kind, name, key, why }) => (
                    <li key={`${kind}/${name}/${key ?? ''}`} class={status}>
                        <Dot status={status} /> <span class="status">{status}</span> <span class="kind">{isKind(kind) ? KINDS[kind] : kind}</span>
                        {' '}{isKind(kind) ? <a href={link({ open: { kind, name }, at: null })}>{name}{key !== null && `[${key}]`}</a> : <b>{name}</b>} {why}
                    </li>
                ))}
            </ul>
            {said.more > 0 && <p class="none">and {said.more} more</p>}
        </section>
    );
}

export const Dot = ({ status }: { status: 'up' | 'degraded' | 'down' }) => (
    <svg class={`dot ${status}`} viewBox="0 0 16 16" aria-hidden="true">
        {status === 'up' && <circle cx="8" cy="8" r="6" />}
        {status === 'degraded' && <path d="M8 1l7.5 14h-15z" />}
        {status === 'down' && <path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" />}
    </svg>
);

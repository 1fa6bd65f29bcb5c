// States, as shape, word and colour: none of the three is needed to understand the others.
import { MEANING, STATES, type State } from './model';

export function Shape({ state }: { state: State }) {
    return (
        <svg class={`shape ${state}`} viewBox="0 0 16 16" aria-hidden="true">
            {SHAPES[state]}
        </svg>
    );
}

const BOX = 'M2 2h12v12H2z';
const SHAPES: Record<State, preact.JSX.Element> = {
    closed: <path class="line" d={BOX} />,
    open: <path class="fill" d={BOX} />,
    half_open: <><path class="line" d={BOX} /><path class="fill" d="M2 2h12L2 14z" /></>,
    forced_open: <><path class="fill" d={BOX} /><path class="cut" d="M5 5l6 6M11 5l-6 6" /></>,
    monitoring: <><circle class="line dotted" cx="8" cy="8" r="6" /><circle class="fill" cx="8" cy="8" r="2" /></>,
    disabled: <><path class="line dotted" d={BOX} /><path class="line" d="M2 14L14 2" /></>,
};

export function StateWord({ state }: { state: State }) {
    return (
        <span class={`state ${state}`} title={MEANING[state]}>
            <Shape state={state} /> {STATES[state]}
        </span>
    );
}

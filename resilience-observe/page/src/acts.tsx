// What can be done by hand: first it is said what it would reach, then it is done, in the name of somebody and for a reason.
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem, post, token } from './api';
import { KINDS, STATES, type State, isKind } from './model';
import { canSteer } from './store';

type Act = 'force_open' | 'force_open_for' | 'enforce' | 'enforce_share' | 'monitor' | 'disable' | 'reset';

const ACTS: Record<Act, [word: string, means: string]> = {
    force_open: ['force open', 'rejects every call until somebody ends it'],
    force_open_for: ['force open for a time', 'rejects every call for that time, then tries a few'],
    enforce: ['let it decide', 'ends whatever was set by hand; closes if it was forced open or disabled'],
    enforce_share: ['enforce a share', 'rejects only that share of the calls that it would reject'],
    monitor: ['monitor only', 'lets every call through and records what it would have rejected'],
    disable: ['disable', 'lets every call through and counts nothing'],
    reset: ['reset', 'forgets what it has counted and begins closed'],
};

interface Reached {
    kind: string;
    name: string;
    key?: string | null;
    before: State;
    /** `null` where nothing is done. */
    after: State | null;
}

/** They are the same for the next policy. */
const who = signal('');
const why = signal('');
/** Nothing is asked with a token before an act was accepted with it: a wrong one is refused to read as well. */
const draft = signal('');

type Stage =
    | { is: 'asking' }
    | { is: 'waiting' }
    | { is: 'checked' | 'done'; reached: Reached[] }
    | { is: 'refused'; because: string; field: 'token' | null };

const shown = ({ kind, name, key, before, after }: Reached): string => {
    const states = after === null ? `, which is ${STATES[before]}` : `: ${STATES[before]} → ${STATES[after]}`;
    return `${isKind(kind) ? KINDS[kind] : kind} ${name}${key ? `[${key}]` : ''}${states}`;
};

export function Acts({ name }: { name: string }) {
    const [act, setAct] = useState<Act>('force_open');
    const [share, setShare] = useState('10');
    const [minutes, setMinutes] = useState('5');
    const [stage, setStage] = useState<Stage>({ is: 'asking' });
    const doIt = useRef<HTMLButtonElement>(null);
    const tokenField = useRef<HTMLInputElement>(null);
    useEffect(() => setStage({ is: 'asking' }), [name]);
    useEffect(() => {
        if (stage.is === 'checked') doIt.current?.focus();
        if (stage.is === 'refused' && stage.field === 'token') tokenField.current?.select();
    }, [stage]);

    if (canSteer.value === null) return null;
    if (!canSteer.value) {
        return (
            <div id="acts">
                <h3>By hand</h3>
                <p class="none">Steering is off. It is there when the program gives its router or listener a token: <code>Access::steering(Token::from_env("RESILIENCE_ADMIN_TOKEN")?)</code>.</p>
            </div>
        );
    }

    const order = (dryRun: boolean) => ({
        match: name,
        act,
        ...(act === 'enforce_share' ? { percent: Number(share) } : {}),
        ...(act === 'force_open_for' ? { open_for: Number(minutes) * 60 } : {}),
        by: who.value.trim(),
        why: why.value.trim(),
        dry_run: dryRun,
    });
    const send = async (dryRun: boolean) => {
        setStage({ is: 'waiting' });
        try {
            const { reached } = await post<{ reached: Reached[] }>('api/v1/steer', order(dryRun), draft.value);
            token.value = draft.value;
            setStage({ is: dryRun ? 'checked' : 'done', reached });
        } catch (error) {
            const status = error instanceof Problem ? error.status : 0;
            const because = error instanceof Problem ? error.message : 'The server does not answer. Nothing is known of what was done.';
            setStage({ is: 'refused', because, field: status === 401 || status === 429 ? 'token' : null });
        }
    };
    const changed = () => stage.is !== 'asking' && setStage({ is: 'asking' });
    const isChecked = stage.is === 'checked';

    return (
        <form
            id="acts"
            onSubmit={(event) => {
                event.preventDefault();
                if (stage.is !== 'waiting') void send(!isChecked);
            }}
            onInput={changed}
        >
            <h3>By hand</h3>
            <fieldset>
                <legend class="unseen">What to do with {name}</legend>
                {(Object.keys(ACTS) as Act[]).map((one) => (
                    <label key={one} title={ACTS[one][1]}>
                        <input type="radio" name="act" value={one} checked={act === one} onChange={() => setAct(one)} />
                        {ACTS[one][0]}
                        {one === 'enforce_share' && act === one && <input class="short" type="number" min="0" max="100" required aria-label="percent" value={share} onInput={({ currentTarget }) => setShare(currentTarget.value)} />}
                        {one === 'enforce_share' && act === one && '%'}
                        {one === 'force_open_for' && act === one && <input class="short" type="number" min="0.1" step="any" max="1440" required aria-label="minutes" value={minutes} onInput={({ currentTarget }) => setMinutes(currentTarget.value)} />}
                        {one === 'force_open_for' && act === one && 'minutes'}
                    </label>
                ))}
            </fieldset>
            <p class="means">{ACTS[act][1]}</p>
            <div class="fields">
                <label>who <input required maxLength={256} autocomplete="username" placeholder="your name" value={who.value} onInput={({ currentTarget }) => (who.value = currentTarget.value)} /></label>
                <label>why <input required maxLength={256} autocomplete="off" placeholder="incident, ticket, reason" value={why.value} onInput={({ currentTarget }) => (why.value = currentTarget.value)} /></label>
                <label>
                    token <input
                        ref={tokenField} type="password" autocomplete="off" placeholder="of the program" value={draft.value}
                        aria-invalid={stage.is === 'refused' && stage.field === 'token'} aria-describedby="acts-said"
                        onInput={({ currentTarget }) => (draft.value = currentTarget.value)}
                    />
                </label>
            </div>
            <div id="acts-said" role="status" class={`stage ${stage.is}`}>
                {stage.is === 'refused' && <p>{stage.because}</p>}
                {(stage.is === 'checked' || stage.is === 'done') && (
                    <>
                        <p>{stage.is === 'checked' ? 'Reaches' : 'Done to'} {stage.reached.length}:</p>
                        <ul>{stage.reached.map((one) => <li key={shown(one)}>{shown(one)}</li>)}</ul>
                    </>
                )}
            </div>
            {isChecked
                ? (
                    <div class="buttons">
                        <button type="submit" class="danger" ref={doIt}>Do it</button>
                        <button type="button" onClick={() => setStage({ is: 'asking' })}>Not now</button>
                    </div>
                )
                : <button type="submit" disabled={stage.is === 'waiting'}>What would it reach?</button>}
        </form>
    );
}

export function focusActs(): void {
    document.querySelector<HTMLElement>('#acts input:checked')?.focus();
}

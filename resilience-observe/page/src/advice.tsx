// What somebody should look at, and what to write.
import { isKind, KINDS } from './model';
import { link } from './route';
import { advice } from './store';

export function Advices() {
    return (
        <section class="advice">
            <h2 class="unseen">Advice</h2>
            {advice.value.length === 0 && <p class="none">Nothing to say: no policy does less than it could.</p>}
            <ul>
                {advice.value.slice(0, 100).map(({ rule, kind, name, text, help }) => (
                    <li key={`${kind}/${name}/${rule}`}>
                        {kind !== null && name !== null && isKind(kind) && (
                            <span><span class="kind">{KINDS[kind]}</span> <a href={link({ open: { kind, name }, at: null })}>{name}</a></span>
                        )}
                        <p class="title">{text}</p>
                        <p class="todo">{help}</p>
                    </li>
                ))}
            </ul>
        </section>
    );
}

// The page beside a server that plays an outage: what a storefront does not have.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open, row } from './browser.mjs';
import { TOKEN, mock } from './mock.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** With a server of its own, that is gone afterwards. */
async function beside(options, run) {
    const server = await mock(options);
    try {
        await run(server);
    } finally {
        await server.close();
    }
}

const HOSTILE = [
    '<img src=x onerror=alert(1)>', '"><script>alert(2)</script>', 'javascript:alert(3)', "'; drop table", 'a/b::c@d?e#f%2F', '__proto__', '\u202e\u0007 ',
];

test('hostile names are text, and each has its panel, its function and its lane', () => beside({ hostile: HOSTILE }, async ({ url }) => {
    const { page, done } = await open(browser, url);
    for (const name of HOSTILE) await row(page, name).waitFor();
    for (const name of HOSTILE) {
        await page.goto(`${url}#/circuit_breaker/${encodeURIComponent(name)}`);
        await page.locator('.panel .settings').waitFor();
        assert.equal(await page.locator('.panel h2').evaluate((heading) => heading.lastChild.textContent), name);
    }
    for (const tab of ['functions', 'timeline']) {
        await page.goto(`${url}#/${tab}`);
        await page.getByText('<img src=x onerror=alert(1)>').first().waitFor();
    }
    assert.equal(await page.locator('img, #page script').count(), 0);
    await done();
}));

test('two thousand policies are a hundred rows, and each can be reached', () => beside({ many: 2000 }, async ({ url }) => {
    const { page, done } = await open(browser, url);
    const names = () => page.locator('tr[data-id]').count();
    await row(page, 'payment').waitFor();
    assert.equal(await names(), 100);
    await row(page, 'payment').locator('a').focus();
    await page.keyboard.press('End');
    await page.waitForFunction(() => document.activeElement?.closest('tr')?.ariaRowIndex === '2009');
    assert.equal(await names(), 100);
    await page.locator('main').evaluate((main) => (main.scrollTop = main.scrollHeight / 2));
    await page.waitForFunction(() => {
        const main = document.querySelector('main').getBoundingClientRect();
        const seen = document.elementFromPoint(main.left + 200, main.top + main.height / 2)?.closest('tr')?.dataset.id;
        return seen?.startsWith('circuit_breaker/service') && document.querySelectorAll('tr[data-id]').length === 100;
    });
    await page.keyboard.press('/');
    await page.keyboard.type('service 1234');
    await row(page, 'service 1234').waitFor();
    assert.equal(await names(), 1);
    await done();
}));

test('a stream that is lost is told with the age of what is shown, and comes back with what was missed', () => beside({}, async (server) => {
    const { page, done } = await open(browser, server.url);
    await row(page, 'payment').waitFor();
    await server.hangUp();
    const bar = page.locator('.bar-lost');
    await bar.getByText(/Connection lost\. What is shown is \d+\s?s old/).waitFor();
    assert.match(await page.locator('main').getAttribute('class'), /old/);
    server.enter('open', '55 of 100 calls failed');
    await server.comeBack();
    await row(page, 'payment').getByText('55 of 100 calls failed').waitFor({ timeout: 12_000 });
    await bar.waitFor({ state: 'detached' });
    assert.doesNotMatch(await page.locator('main').getAttribute('class'), /old/);
    await done(/ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE|503/);
}));

test('everything is done by keyboard', () => beside({}, async ({ url, enter }) => {
    const { page, done } = await open(browser, url);
    await row(page, 'payment').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('ship');
    await page.waitForFunction(() => document.querySelectorAll('tr[data-id]').length === 1);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.textContent === 'shipping');
    await page.keyboard.press('Enter');
    await page.locator('.panel h2').getByText('shipping').waitFor();
    assert.match(page.url(), /#\/circuit_breaker\/shipping$/);
    await page.keyboard.press('Escape');
    await page.locator('.panel').waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.textContent === 'shipping');
    await page.keyboard.press('/');
    await page.keyboard.press('Escape');
    await row(page, 'payment').waitFor();
    const focused = (nth) => page.waitForFunction((nth) => document.activeElement?.closest('tr')?.ariaRowIndex === nth, String(nth));
    await page.keyboard.press('ArrowDown');
    await focused(2);
    await page.keyboard.press('ArrowDown');
    await focused(3);
    await page.keyboard.press('ArrowUp');
    await focused(2);
    await page.keyboard.press('3');
    await page.locator('.timeline').waitFor();
    enter('open', '55 of 100 calls failed');
    await page.getByRole('status').getByText('payment: closed → open (55 of 100 calls failed)').waitFor();
    await page.locator('.bar.open').first().focus();
    await page.keyboard.press('Enter');
    await page.locator('.panel h2').getByText('payment').waitFor();
    assert.match(page.url(), /payment\?tab=timeline&at=\d+$/);
    await done(/503/);
}));

test('nobody steers where steering is off', () => beside({ steering: false }, async ({ url }) => {
    const { page, done } = await open(browser, `${url}#/circuit_breaker/payment`);
    await page.getByText('Steering is off').waitFor();
    assert.equal(await page.locator('.panel button, .panel input').count(), 0);
    await done();
}));

test('an act says what it would reach before it is done, and a wrong token is told in its place', () => beside({}, async ({ url }) => {
    const { page, done } = await open(browser, `${url}#/circuit_breaker/payment`);
    await page.locator('#acts input').first().waitFor();
    await page.keyboard.press('s');
    await page.waitForFunction(() => document.activeElement?.matches('#acts input[type=radio]'));
    await page.keyboard.press('Tab');
    await page.keyboard.type('ada');
    await page.keyboard.press('Enter');
    // What is missing has the focus.
    await page.waitForFunction(() => document.activeElement?.matches('#acts input:invalid'));
    await page.keyboard.type('incident 12');
    await page.keyboard.press('Tab');
    await page.keyboard.type('not the token at all');
    await page.keyboard.press('Enter');
    await page.locator('#acts-said').getByText('this is not the token').waitFor();
    await page.waitForFunction(() => document.activeElement?.matches('#acts input[type=password][aria-invalid=true]'));
    await page.keyboard.type(TOKEN);
    await page.keyboard.press('Enter');
    await page.locator('#acts-said').getByText('circuit breaker payment, which is closed').waitFor();
    assert.equal(await row(page, 'payment').locator('.state').getAttribute('class'), 'state closed', 'nothing is done yet');
    await page.keyboard.press('Enter');
    await page.locator('#acts-said').getByText('circuit breaker payment: closed → forced open').waitFor();
    await row(page, 'payment').getByText('forced open').first().waitFor();
    await page.locator('.panel .events').getByText('force_open by `ada`: incident 12').waitFor();
    await done(/401|503/);
}));

test('a private program is shown to whoever has its token', () => beside({ isPrivate: true }, async ({ url }) => {
    const { page, done } = await open(browser, url);
    await page.getByText('A token is wanted').waitFor();
    await page.getByLabel('token').fill('not the token at all');
    await page.keyboard.press('Enter');
    await page.getByText('this is not the token').waitFor();
    await page.getByLabel('token').fill(TOKEN);
    await page.keyboard.press('Enter');
    await row(page, 'payment').waitFor();
    await done(/401/);
}));

test('paused, the page stays as it is', () => beside({}, async ({ url, enter }) => {
    const { page, done } = await open(browser, url);
    await row(page, 'payment').waitFor();
    await page.keyboard.press('p');
    enter('open', '55 of 100 calls failed');
    await page.getByText(/Paused\. What is shown is of 2\s?s ago/).waitFor();
    assert.equal(await row(page, 'payment').locator('.state.closed').count(), 1);
    await page.keyboard.press('p');
    await row(page, 'payment').locator('.state.open').waitFor();
    await done(/503/);
}));

test('a page with motion reduced, in the dark, and on a telephone is whole', () => beside({}, async ({ url }) => {
    const { page, done } = await open(browser, url, { viewport: { width: 390, height: 844 }, colorScheme: 'dark', reducedMotion: 'reduce' });
    await row(page, 'payment').waitFor();
    const look = await page.evaluate(() => ({
        ground: getComputedStyle(document.body).backgroundColor,
        wide: document.documentElement.scrollWidth,
        moves: [...document.querySelectorAll('*')].some((element) => getComputedStyle(element).transitionDuration !== '0s'),
    }));
    assert.deepEqual(look, { ground: 'rgb(22, 24, 27)', wide: 390, moves: false });
    await done();
}));

// The page beside a real program whose payments break: what somebody sees who is woken by it, and does.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { launch, open, picture, row } from './browser.mjs';

const ROOT = new URL('../../../', import.meta.url).pathname;
const TOKEN = 'correct-horse-battery-staple';
/** Payments fail from 30 % to 60 % of the run; the acts come after that. */
const DURATION = 50;

let browser;
let storefront;
let url;

before(async () => {
    execFileSync('cargo', ['build', '--locked', '--quiet', '-p', 'examples', '--bin', 'storefront'], { cwd: ROOT, stdio: 'inherit' });
    const { target_directory } = JSON.parse(execFileSync('cargo', ['metadata', '--no-deps', '--format-version', '1'], { cwd: ROOT, maxBuffer: 1 << 26 }));
    storefront = spawn(`${target_directory}/debug/storefront`, ['--duration', `${DURATION}s`, '--rate', '40', '--outage', 'payment=errors', '--json', '--admin', '127.0.0.1:0'], {
        env: { ...process.env, RESILIENCE_ADMIN_TOKEN: TOKEN }, stdio: ['ignore', 'ignore', 'pipe'],
    });
    for await (const line of createInterface({ input: storefront.stderr })) {
        url = /http:\/\/\S+/.exec(line)?.[0];
        if (url) break;
    }
    assert.ok(url, 'the storefront has not said where it serves');
    url = `${url}/`;
    storefront.stderr.resume();
    browser = await launch();
});
after(async () => {
    await browser?.close();
    storefront?.kill();
});

const events = async () => (await (await fetch(`${url}api/v1/events?topic=transition&name=payment`)).json()).events;

test('an outage is shown within two seconds, with the time before it', async () => {
    const { page, done } = await open(browser, url);
    await row(page, 'payment').locator('.state.closed').waitFor();
    const begun = Date.now();
    // Noted in the page, so that nobody is waited for.
    const seen = await page.evaluate(() => new Promise((resolve) => {
        const look = () => document.querySelector('tr[data-id="circuit_breaker/payment"] .state:is(.open, .half_open)') && resolve(Date.now());
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
        look();
    }));
    const opened = Date.parse((await events()).find(({ to, at }) => to === 'open' && Date.parse(at.time) >= begun).at.time);
    assert.ok(seen - opened < 2000, `shown after ${seen - opened} ms`);
    assert.equal(await page.locator('tr[data-id]').first().getAttribute('data-id'), 'circuit_breaker/payment', 'the worst is first');
    await done();

    // Whoever comes only now sees what was before.
    const late = await open(browser, `${url}#/circuit_breaker/payment`);
    const chart = late.page.locator('.chart').nth(1);
    await chart.locator('.band.open').waitFor({ state: 'attached' });
    await late.page.locator('.settings').waitFor();
    const [ok, band] = await chart.evaluate((chart) => ['.area.ok', '.band.open'].map((path) => Number(/M([\d.]+)/.exec(chart.querySelector(path).getAttribute('d'))[1])));
    assert.ok(band - ok > 60, `the chart has ${band - ok} pixels from before it was opened`);
    await late.page.getByText('opens at 50').waitFor();
    await late.page.locator('.settings').getByText('shop.rs:').first().waitFor();
    await picture(late.page, 'outage');
    await late.done();

    const dark = await open(browser, `${url}#/circuit_breaker/payment`, { colorScheme: 'dark' });
    await dark.page.locator('.settings').waitFor();
    await picture(dark.page, 'dark');
    await dark.page.goto(`${url}#/functions`);
    await dark.page.getByText('storefront::shop::charge').waitFor();
    await picture(dark.page, 'functions');
    await dark.page.goto(`${url}#/timeline`);
    await dark.page.locator('.bar.open').first().waitFor();
    await picture(dark.page, 'timeline');
    await dark.done();
    const narrow = await open(browser, url, { viewport: { width: 390, height: 844 } });
    await row(narrow.page, 'payment').waitFor();
    await picture(narrow.page, 'narrow');
    await narrow.done();
});

test('somebody forces it open and lets it close again, by keyboard, and says who and why', async () => {
    const { page, done } = await open(browser, `${url}#/circuit_breaker/recommendations`);
    await page.locator('#acts input').first().waitFor();
    await page.keyboard.press('s');
    await page.waitForFunction(() => document.activeElement?.matches('#acts input[type=radio]'));
    for (const text of ['ada', 'incident 12', 'not-the-token-of-anything']) {
        await page.keyboard.press('Tab');
        await page.keyboard.type(text);
    }
    await page.keyboard.press('Enter');
    await page.locator('#acts-said').getByText('this is not the token').waitFor();
    await page.waitForFunction(() => document.activeElement?.matches('#acts input[type=password]'));
    await page.keyboard.type(TOKEN);
    await page.keyboard.press('Enter');
    await page.locator('#acts-said').getByText('Reaches 1').waitFor();
    assert.ok(!(await events()).some(({ to }) => to === 'forced_open'), 'nothing is done yet');
    await page.keyboard.press('Enter');
    await row(page, 'recommendations').locator('.state.forced_open').waitFor();
    await page.locator('.events').getByText(/by `?ada`?: incident 12/).first().waitFor();
    await picture(page, 'forced');

    await page.keyboard.press('s');
    await page.waitForFunction(() => document.activeElement?.matches('#acts input[type=radio]'));
    // Two further down: it decides again.
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('#acts-said').getByText('Reaches 1').waitFor();
    await page.keyboard.press('Enter');
    await row(page, 'recommendations').locator('.state.closed').waitFor();
    await done(/401/);
});

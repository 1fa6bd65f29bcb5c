// Where the page begins.
import './page.css';
import { render } from 'preact';
import { App } from './app';
import { connect } from './store';

render(<App />, document.getElementById('page')!);
void connect();

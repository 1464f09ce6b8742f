// The OpenBridge components in use, and nothing else: the full bundle is 12 MB.
import './csp-style.js';
import '@oicl/openbridge-webcomponents/dist/navigation-instruments/heading/heading.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-list-alt-check-google.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-chart-radar-overlay-iec.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-clipboard.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-history-google.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-palette-day-night-iec.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-alert-list.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-antenna.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-calendar-google.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-dashboard.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-aircraft-drone-medium.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-media-play.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-fleet-proposal.js';
import '@oicl/openbridge-webcomponents/dist/icons/icon-notification-advice.js';

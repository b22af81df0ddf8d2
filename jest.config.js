/** @type {import('jest').Config} */
export default {
  rootDir: 'dist',
  testMatch: ['<rootDir>/test/**/*.test.js'],
  testEnvironment: 'node',
  // What is tested is what ships: the ESM output of tsc, untouched.
  transform: {},
  testTimeout: 30_000,
  // Most files wait for the broker, for timers and for silence more than they work: one more than the two cores this is meant for.
  maxWorkers: 3,
  filter: '<rootDir>/test/setup/select-tests.js',
  globalSetup: '<rootDir>/test/setup/global-setup.js',
  globalTeardown: '<rootDir>/test/setup/global-teardown.js',
  reporters: ['default', '<rootDir>/test/setup/totals-reporter.js'],
};

/** Made by `pbjs` from the message of 2.0, as protobufjs tells its users to. */
export const Request: {
  encode(message: { readonly symbols: readonly string[]; readonly timeseries: readonly object[] }): {
    finish(): Uint8Array;
  };
};

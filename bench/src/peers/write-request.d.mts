/** Made by `pbjs` from the message of 1.0, as protobufjs tells its users to. */
export const WriteRequest: {
  encode(message: { readonly timeseries: readonly object[] }): { finish(): Uint8Array };
};

/*
 * What is found in key files: PEM made by OpenSSL 3.0 and OpenSSH 9.2, with the
 * commands named.  Used nowhere else.
 */
#ifndef KEYTURN_TEST_PEM_H
#define KEYTURN_TEST_PEM_H

/* openssl ecparam -name prime256v1 -genkey -noout */
#define PEM_EC                                                               \
	"-----BEGIN EC PRIVATE KEY-----\n"                                   \
	"MHcCAQEEIK6xf9lQi29mDPGcznbsoJJwi5WZhtmU0ysjTU1b7ndVoAoGCCqGSM49\n" \
	"AwEHoUQDQgAEeC8A3Ny1GrCBseoNP3GzzUcWH226xmbbKcY8u73aCd24gzCUsmV8\n" \
	"f3kwDTrUbrBdaedhdO4qXHR8L8bw6OgX5A==\n"                             \
	"-----END EC PRIVATE KEY-----\n"

/* openssl ecparam -name prime256v1 -genkey */
#define PEM_EC_PARAMETERS                                                    \
	"-----BEGIN EC PARAMETERS-----\n"                                    \
	"BggqhkjOPQMBBw==\n"                                                 \
	"-----END EC PARAMETERS-----\n"                                      \
	"-----BEGIN EC PRIVATE KEY-----\n"                                   \
	"MHcCAQEEIJjU+59zqpEnT74hd5df6CrRuW8teH2Azh2tjqRkqTwSoAoGCCqGSM49\n" \
	"AwEHoUQDQgAEAKiOP1UWF9tVBsqr4KMDB9SZzqwFMUPrIawjKvlwkOEPopGJvw16\n" \
	"i+mPz1zmLeE+2e+RVOtyFrSABM3S+CAHTA==\n"                             \
	"-----END EC PRIVATE KEY-----\n"

/* openssl pkey, from PEM_EC */
#define PEM_EC_PKCS8                                                         \
	"-----BEGIN PRIVATE KEY-----\n"                                      \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgrrF/2VCLb2YM8ZzO\n" \
	"duygknCLlZmG2ZTTKyNNTVvud1WhRANCAAR4LwDc3LUasIGx6g0/cbPNRxYfbbrG\n" \
	"Ztspxjy7vdoJ3biDMJSyZXx/eTANOtRusF1p52F07ipcdHwvxvDo6Bfk\n"         \
	"-----END PRIVATE KEY-----\n"

/* openssl genpkey -algorithm X25519 */
#define PEM_X25519                                                           \
	"-----BEGIN PRIVATE KEY-----\n"                                      \
	"MC4CAQAwBQYDK2VuBCIEIDhTjA39Oc8WFoSPr0KDvO6RV/sFpGmQh6vThfNQit1o\n" \
	"-----END PRIVATE KEY-----\n"

/* openssl genpkey -algorithm ED448 */
#define PEM_ED448                                                            \
	"-----BEGIN PRIVATE KEY-----\n"                                      \
	"MEcCAQAwBQYDK2VxBDsEOVHVFUCS6lgnEjf2Mre8o8upJ923xfXy/YM/xqn2nfNk\n" \
	"1rVQPT45FCuiqKMAcVmD6LGaBmxlfyckjg==\n"                             \
	"-----END PRIVATE KEY-----\n"

/* openssl genpkey -algorithm RSA-PSS, 512 bits */
#define PEM_RSA_PSS                                                          \
	"-----BEGIN PRIVATE KEY-----\n"                                      \
	"MIIBUgIBADALBgkqhkiG9w0BAQoEggE+MIIBOgIBAAJBAPFQcr8jDNmIyAorhmx7\n" \
	"vArBsO5Hi8hzLgljttpC02MGRCiviTYnyjJPUEeQ+oVUkleURfOXTovFbJr8lwRh\n" \
	"56UCAwEAAQJAdvgIej8XeK+8n3bx4M3n2Q3A4tiXC43tZmeooFZNzQU2tIWpl7TR\n" \
	"iBK/M4JZhdW9lXnHkPZOTx7iHsKHBAkRwQIhAP5+/3me0ARcXdryciK3w39g7iuq\n" \
	"lkjBmEO9qv8vpic5AiEA8r2CP2/NeH9vXUqWDETto1TIMjEPm27DsQEoiV/hd80C\n" \
	"IDtY/FStT08lBxIO5cTo26MxxHjUYBV5Z/usGFtIDlQpAiBBrzI9hD1va9xwvCwa\n" \
	"KdS8K8b4ffohLznY/d1APye9yQIhAMnWoWB1lceHgritBbF53qDS+V3mTlSaSt8h\n" \
	"Dr0Zxhq3\n"                                                         \
	"-----END PRIVATE KEY-----\n"

/* openssl genpkey -algorithm RSA, 512 bits */
#define PEM_RSA_512                                                          \
	"-----BEGIN PRIVATE KEY-----\n"                                      \
	"MIIBVAIBADANBgkqhkiG9w0BAQEFAASCAT4wggE6AgEAAkEAuIXdBHjr3C/ZgUja\n" \
	"uQvffwlUy9ewpDzV6WFfLG24wBkdro1vvxh8j3X7WNRDPyDFYqtRPQhcJX87W6KO\n" \
	"VFLJdQIDAQABAkBpv9X9tSs/AnE9xboMKQDKNlfRhuhmB7N0T+iSdsNV21XeewJP\n" \
	"Za0N6Tb2FTPaN5VOA2UtpQBbMzuHlH2OuqRhAiEA3Q3QMr7vTWI5WBdACG1dkCTA\n" \
	"Qi2aITHk3v/Qk1GdcX0CIQDVsZ3G/lIXKr2KrQSCXQzYB5/bcx6NSWsijBA3SE+5\n" \
	"WQIhANMvRi+k8BQ6+dPp6nfinBeAtNjEnlKGS0SsmwSTXVo1AiBItZ2kpsYRweYq\n" \
	"OEKPhM+o9bcruRjNJA0C/TtLRBx0SQIgPZyxxx9BOLY83gDXUkCjPF1vf0opv/7r\n" \
	"lUapvCvxqhA=\n"                                                     \
	"-----END PRIVATE KEY-----\n"

/* openssl rsa -traditional, from PEM_RSA_512 */
#define PEM_RSA_512_PKCS1                                                    \
	"-----BEGIN RSA PRIVATE KEY-----\n"                                  \
	"MIIBOgIBAAJBALiF3QR469wv2YFI2rkL338JVMvXsKQ81elhXyxtuMAZHa6Nb78Y\n" \
	"fI91+1jUQz8gxWKrUT0IXCV/O1uijlRSyXUCAwEAAQJAab/V/bUrPwJxPcW6DCkA\n" \
	"yjZX0YboZgezdE/oknbDVdtV3nsCT2WtDek29hUz2jeVTgNlLaUAWzM7h5R9jrqk\n" \
	"YQIhAN0N0DK+701iOVgXQAhtXZAkwEItmiEx5N7/0JNRnXF9AiEA1bGdxv5SFyq9\n" \
	"iq0Egl0M2Aef23MejUlrIowQN0hPuVkCIQDTL0YvpPAUOvnT6ep34pwXgLTYxJ5S\n" \
	"hktErJsEk11aNQIgSLWdpKbGEcHmKjhCj4TPqPW3K7kYzSQNAv07S0QcdEkCID2c\n" \
	"sccfQTi2PN4A11JAozxdb39KKb/+65VGqbwr8aoQ\n"                         \
	"-----END RSA PRIVATE KEY-----\n"

/* openssl pkey -aes128, from PEM_EC */
#define PEM_ENCRYPTED                                                        \
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"                            \
	"MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiiXbRk9SjzMgICCAAw\n" \
	"DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEPjGQmns55V0v5v/VgKfdWYEgZAA\n" \
	"zje3zXqXEk9XyNjrtHd4xDm0AlMOi9Wo+8kB2Huh7uUDptVCjTQLknFX8td3nEsV\n" \
	"Tmxgn6432FTauwGuNNM+odQywg5Aw/fYw8Q+F42+HMpZ+aP15jHy26Zn8ZLholy0\n" \
	"UzqywD/7KzF5PzPavBf+VYgNkvniySAUO4z0dD1tkcXYsqrpule6fHgC6vX5lJY=\n" \
	"-----END ENCRYPTED PRIVATE KEY-----\n"

/* openssl rsa -traditional -aes128, from PEM_RSA_512 */
#define PEM_ENCRYPTED_PKCS1                                                  \
	"-----BEGIN RSA PRIVATE KEY-----\n"                                  \
	"Proc-Type: 4,ENCRYPTED\n"                                           \
	"DEK-Info: AES-128-CBC,3D2D7E0781447170669ADA0E147A140E\n"           \
	"\n"                                                                 \
	"7Yt8ZDfZNRIjxulrgkMqU/XqvkT36HXkq1P0J6/imIpEX+e/QCxDY4dwoe+XTJOf\n" \
	"QZBj5ySGXTI4EcAAju4w61CkQ/tjFhZniZGb/RzKUZWtLLokcJU93p9WDLy+P73z\n" \
	"jfOHsFjttI/1kdhLs58wykpx0hw5s5sNME/zZgIj+46yEh9+cvH2qmT3+/73EaBL\n" \
	"OX0PVuDjbFhYxjlU9C+hPqJBkZpIwy6/XrS2hDA/xJPWg/QBni+1Jj0OWSauKZQa\n" \
	"dC5IWTKApqnCZnIngs6fFytfLVp1mVIDYaMtEQOI5yU76XTvnERAuAfSKNZLGENS\n" \
	"ZV4HrCoY8vapmtig4kNVqFBa+vCCQGV6cLQKdh0ijZCugOjfW+SMrzwEp91P7yh6\n" \
	"er4aHUUMfa4cGW+gIahgKpc0WkHejyjWt+Ct/xQcHFk=\n"                     \
	"-----END RSA PRIVATE KEY-----\n"

/* openssl pkey -pubout, from PEM_EC */
#define PEM_PUBLIC                                                           \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeC8A3Ny1GrCBseoNP3GzzUcWH226\n" \
	"xmbbKcY8u73aCd24gzCUsmV8f3kwDTrUbrBdaedhdO4qXHR8L8bw6OgX5A==\n"     \
	"-----END PUBLIC KEY-----\n"

/* openssl rsa -RSAPublicKey_out, from PEM_RSA_512 */
#define PEM_RSA_PUBLIC                                                       \
	"-----BEGIN RSA PUBLIC KEY-----\n"                                   \
	"MEgCQQC4hd0EeOvcL9mBSNq5C99/CVTL17CkPNXpYV8sbbjAGR2ujW+/GHyPdftY\n" \
	"1EM/IMViq1E9CFwlfztboo5UUsl1AgMBAAE=\n"                             \
	"-----END RSA PUBLIC KEY-----\n"

/* openssl req -x509, with PEM_EC */
#define PEM_CERTIFICATE                                                      \
	"-----BEGIN CERTIFICATE-----\n"                                      \
	"MIIBbTCCAROgAwIBAgIUYDi9/77/alfTn44PMFWGdTgDYD4wCgYIKoZIzj0EAwIw\n" \
	"DDEKMAgGA1UEAwwBeDAeFw0yNjExMjIxODQ1NDRaFw0yNjExMjMxODQ1NDRaMAwx\n" \
	"CjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR4LwDc3LUasIGx\n" \
	"6g0/cbPNRxYfbbrGZtspxjy7vdoJ3biDMJSyZXx/eTANOtRusF1p52F07ipcdHwv\n" \
	"xvDo6Bfko1MwUTAdBgNVHQ4EFgQUf7hfJagUXPPdavFkoAfBGBtKzAswHwYDVR0j\n" \
	"BBgwFoAUf7hfJagUXPPdavFkoAfBGBtKzAswDwYDVR0TAQH/BAUwAwEB/zAKBggq\n" \
	"hkjOPQQDAgNIADBFAiEA+TCfp3xQCqJSPevgX0IzrFwKKlR1voP23k8XZiLPRnUC\n" \
	"IGZIKhOB0h278KWrt/X2N4TAYMQE1XQTsWXUfkBdas6c\n"                     \
	"-----END CERTIFICATE-----\n"

/* openssl req -new, with PEM_EC */
#define PEM_REQUEST                                                          \
	"-----BEGIN CERTIFICATE REQUEST-----\n"                              \
	"MIHGMG4CAQAwDDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA\n" \
	"BHgvANzctRqwgbHqDT9xs81HFh9tusZm2ynGPLu92gnduIMwlLJlfH95MA061G6w\n" \
	"XWnnYXTuKlx0fC/G8OjoF+SgADAKBggqhkjOPQQDAgNIADBFAiEA51pgBNm/LYFY\n" \
	"MoDa57CGrnXcFfxR4Bgf/DBUO/HGpPkCIEii1GOlfKc+qUCuvZ6UVdbdXpLUOFVF\n" \
	"9DtoiisrvcGu\n"                                                     \
	"-----END CERTIFICATE REQUEST-----\n"

/* ssh-keygen -t ed25519 */
#define PEM_OPENSSH                                                            \
	"-----BEGIN OPENSSH PRIVATE KEY-----\n"                                \
	"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gt" \
	"ZW\n"                                                                 \
	"QyNTUxOQAAACA1HtbIqBz6vKR0srdpntPw/"                                  \
	"sY65q6MhU+SDJVkgYBj7QAAAIjMJsCXzCbA\n"                                \
	"lwAAAAtzc2gtZWQyNTUxOQAAACA1HtbIqBz6vKR0srdpntPw/"                    \
	"sY65q6MhU+SDJVkgYBj7Q\n"                                              \
	"AAAEB2AeKhvvbu1oBUXprjtJvSqMyzVo3npAYcJROfwB1iWjUe1sioHPq8pHSyt2me0/" \
	"D+\n"                                                                 \
	"xjrmroyFT5IMlWSBgGPtAAAAAAECAwQF\n"                                   \
	"-----END OPENSSH PRIVATE KEY-----\n"

#endif
